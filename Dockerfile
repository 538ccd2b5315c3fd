# A static binary in an empty image: no shell, no package manager, not root, nothing written to disk.
#   docker build -t bff . && docker run --read-only -p 8080:8080 -v ./bff.yaml:/etc/bff/bff.yaml:ro --env-file secrets.env bff
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# What `bff version` says: docker build --build-arg RELEASE=v1.2.3 .
ARG RELEASE=
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -X main.release=$RELEASE" -o /out/bff ./cmd/bff

FROM scratch
LABEL org.opencontainers.image.title="bff" \
      org.opencontainers.image.description="Sessions and OAuth tokens for browsers, in one binary" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/bff /bff
USER 65532:65532
EXPOSE 8080 9090
# The binary asks its own admin listener; there is no shell to do it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/bff", "health", "--config", "/etc/bff/bff.yaml"]
ENTRYPOINT ["/bff"]
CMD ["serve", "--config", "/etc/bff/bff.yaml"]
