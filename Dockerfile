# A static binary in an empty image: no shell, no package manager, not root, nothing written to disk.
#   docker build -t bff . && docker run --read-only -p 8080:8080 -v ./bff.yaml:/etc/bff/bff.yaml:ro --env-file secrets.env bff
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /out/bff ./cmd/bff

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/bff /bff
USER 65532:65532
EXPOSE 8080 9090
# The binary asks its own admin listener; there is no shell to do it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/bff", "health", "--config", "/etc/bff/bff.yaml"]
ENTRYPOINT ["/bff"]
CMD ["serve", "--config", "/etc/bff/bff.yaml"]
