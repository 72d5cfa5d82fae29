{{- define "retune.name" -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "retune.labels" -}}
app.kubernetes.io/part-of: retune
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "retune.selector" -}}
app.kubernetes.io/part-of: retune
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "retune.secret" -}}
{{- .Values.secret.existing | default (include "retune.name" .) }}
{{- end }}

{{- define "retune.storeService" -}}
{{ include "retune.name" . }}-store
{{- end }}

{{- define "retune.uri" -}}
{{- if .Values.store.trial.enabled -}}
mongodb://{{ include "retune.storeService" . }}.{{ .Release.Namespace }}.svc:27018/retune
{{- else -}}
{{ .Values.store.uri }}
{{- end }}
{{- end }}

{{/* An image by the name of its step. */}}
{{- define "retune.image" -}}
{{- $root := index . 0 -}}
{{ $root.Values.images.prefix }}/{{ index . 1 }}:{{ $root.Values.images.tag | default $root.Chart.AppVersion }}
{{- end }}

{{- define "retune.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "retune.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "retune.pullSecrets" -}}
{{- with .Values.images.pullSecrets -}}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}
