{{- define "retune.name" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "retune.labels" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name }}
app.kubernetes.io/part-of: retune
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The annotations of an object: of the root and of more of them. */}}
{{- define "retune.annotations" -}}
{{- with merge (dict) (index . 1) (index . 0).Values.commonAnnotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "retune.selector" -}}
app.kubernetes.io/part-of: retune
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of a pod beyond its selector's. */}}
{{- define "retune.podLabels" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name }}
{{- with merge (dict) .Values.podLabels .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Annotations of a pod. A checksum of the settings starts new pods when they change; the chart cannot see
     into a secret that it does not manage. */}}
{{- define "retune.podAnnotations" -}}
{{- $annotations := merge (dict) .Values.podAnnotations .Values.commonAnnotations -}}
{{- if not .Values.secret.existing -}}
{{- $_ := set $annotations "checksum/secret" (include "retune.secretData" . | sha256sum) -}}
{{- end -}}
{{- with $annotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "retune.extraEnv" -}}
{{- with .Values.extraEnv -}}
env: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "retune.priorityClass" -}}
{{- with . -}}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "retune.secret" -}}
{{- .Values.secret.existing | default (include "retune.name" .) }}
{{- end }}

{{- define "retune.airflowNamespace" -}}
{{- .Values.airflow.namespace | default .Release.Namespace }}
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

{{/* The name of what serves a model: of the root and an entry of serving.models. */}}
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

{{/* The labels of an object that belongs to a served model. */}}
{{- define "retune.servingLabels" -}}
{{- $model := index . 1 -}}
{{ include "retune.labels" (index . 0) }}
app.kubernetes.io/component: serving
retune/model: {{ $model.name | default $model.model | quote }}
{{- end }}

{{- define "retune.control" -}}
{{ include "retune.name" . }}-control
{{- end }}

{{- define "retune.controlSelector" -}}
{{ include "retune.selector" . }}
app.kubernetes.io/component: control
{{- end }}

{{- define "retune.controlLabels" -}}
{{ include "retune.labels" . }}
app.kubernetes.io/component: control
{{- end }}

{{/* The address of a service within the cluster, which its certificate must name: of the root and the service. */}}
{{- define "retune.host" -}}
{{ index . 1 }}.{{ (index . 0).Release.Namespace }}.svc
{{- end }}

{{/* The secret with a served model's certificate; empty for HTTP: of the root and an entry of serving.models. */}}
{{- define "retune.servingTls" -}}
{{- $model := index . 1 -}}
{{ (index . 0).Values.serving.tlsSecret | replace "{name}" ($model.name | default $model.model) }}
{{- end }}

{{/* The volume of a certificate with its key: of a secret of type kubernetes.io/tls. The folder follows the secret. */}}
{{- define "retune.tlsVolume" -}}
- name: tls
  secret: {secretName: {{ . }}, defaultMode: 0440, items: [{key: tls.crt, path: tls.crt}, {key: tls.key, path: tls.key}]}
{{- end }}

{{/* How Prometheus checks a service: of its secret and its host. The certificate itself is what is trusted, so that
     the secret need not have that of an authority. */}}
{{- define "retune.scrapeTls" -}}
scheme: https
tlsConfig:
  ca: {secret: {name: {{ index . 0 }}, key: tls.crt}}
  serverName: {{ index . 1 }}
{{- end }}

{{/* The annotations of an Ingress: of the root, its own and whether the service speaks HTTPS. ingress-nginx asks the
     service over HTTP unless this says otherwise; other controllers go by the name and the protocol of the port. */}}
{{- define "retune.ingressAnnotations" -}}
{{- $https := ternary (dict "nginx.ingress.kubernetes.io/backend-protocol" "HTTPS") dict (index . 2) -}}
{{- include "retune.annotations" (list (index . 0) (merge (dict) (index . 1) $https)) -}}
{{- end }}

{{/* How a gateway asks a service over HTTPS: of the root, the service, the ConfigMap with `ca.crt` and the labels. */}}
{{- define "retune.backendTls" -}}
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata:
  name: {{ index . 1 }}
  labels: {{- index . 3 | nindent 4 }}
  {{- with include "retune.annotations" (list (index . 0) dict) }}
  {{- . | nindent 2 }}
  {{- end }}
spec:
  targetRefs:
    - {group: "", kind: Service, name: {{ index . 1 }}}
  validation:
    caCertificateRefs:
      - {group: "", kind: ConfigMap, name: {{ index . 2 }}}
    hostname: {{ include "retune.host" (list (index . 0) (index . 1)) }}
{{- end }}

{{/* An init container of a test of a service over HTTPS: makes a trust store of the service's certificate, of an image. */}}
{{- define "retune.testTrust" -}}
- name: trust
  image: {{ index . 1 }}
  imagePullPolicy: {{ (index . 0).Values.images.pullPolicy }}
  command:
    - /opt/java/bin/keytool
    - -importcert
    - -noprompt
    - -alias
    - service
    - -file
    - /etc/retune/tls/tls.crt
    - -keystore
    - /tmp/trust.p12
    - -storepass
    - changeit
  securityContext: {{- include "retune.containerSecurity" (index . 0) | nindent 4 }}
  resources:
    requests: {cpu: 100m, memory: 64Mi}
    limits: {memory: 128Mi}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    - {name: tls, mountPath: /etc/retune/tls, readOnly: true}
{{- end }}

{{/* An image by its name without prefix. */}}
{{- define "retune.image" -}}
{{- $images := (index . 0).Values.images -}}
{{- $name := index . 1 -}}
{{ $images.prefix }}/{{ $name }}{{ with index $images.digests $name }}@{{ . }}{{ else }}:{{ $images.tag | default (index . 0).Chart.AppVersion }}{{ end }}
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
