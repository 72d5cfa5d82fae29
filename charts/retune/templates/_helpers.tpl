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

{{- define "retune.secretData" -}}
RETUNE_MONGO_URI: {{ include "retune.uri" . | b64enc }}
{{- range $name, $value := .Values.secret.settings }}
{{ $name }}: {{ $value | toString | b64enc }}
{{- end }}
{{- end }}

{{/* Other settings make another pod; what is in a secret that is not the chart's cannot be told. */}}
{{- define "retune.settingsAnnotation" -}}
{{- if not .Values.secret.existing -}}
annotations:
  checksum/secret: {{ include "retune.secretData" . | sha256sum }}
{{- end }}
{{- end }}

{{/* The name of what serves a model: of the release and an entry of serving.models. */}}
{{- define "retune.serving" -}}
{{- $model := index . 1 -}}
{{ include "retune.name" (index . 0) }}-serving-{{ $model.name | default $model.model }}
{{- end }}

{{- define "retune.servingSelector" -}}
{{- $model := index . 1 -}}
{{ include "retune.selector" (index . 0) }}
app.kubernetes.io/component: serving
retune/model: {{ $model.name | default $model.model | quote }}
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
