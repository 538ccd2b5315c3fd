{{- define "bff.name" -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{- end -}}
{{- define "bff.labels" -}}
app.kubernetes.io/name: bff
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}
{{- define "bff.selector" -}}
app.kubernetes.io/name: bff
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
