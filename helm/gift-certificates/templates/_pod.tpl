{{/* What every pod of this chart has in common, a worker's and a job's alike. */}}

{{- define "gift-certificates.podSecurity" -}}
automountServiceAccountToken: false
# Variables that Kubernetes makes for services would look like settings.
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
{{- with .Values.user.runAsUser }}
  runAsUser: {{ include "gift-certificates.text" . }}
{{- end }}
{{- with .Values.user.runAsGroup }}
  runAsGroup: {{ include "gift-certificates.text" . }}
{{- end }}
{{- with .Values.user.fsGroup }}
  fsGroup: {{ include "gift-certificates.text" . }}
  fsGroupChangePolicy: OnRootMismatch
{{- end }}
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "gift-certificates.containerSecurity" -}}
image: {{ include "gift-certificates.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* Liveness: the loop turns. Readiness: partitions are assigned and recovered. A start may take two minutes until it listens. */}}
{{- define "gift-certificates.probes" -}}
{{- $scheme := include "gift-certificates.scheme" . | upper -}}
startupProbe:
  httpGet: {path: /healthz, port: http, scheme: {{ $scheme }}}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: http, scheme: {{ $scheme }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: http, scheme: {{ $scheme }}}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 2
{{- end -}}

{{- define "gift-certificates.placement" -}}
{{- $placement := (get .root.Values .name).placement -}}
{{- with $placement.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $placement.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $placement.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $placement.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
topologySpreadConstraints:
{{- range list (list "topology.kubernetes.io/zone" $placement.spreadOverZones) (list "kubernetes.io/hostname" $placement.spreadOverNodes) }}
  - topologyKey: {{ index . 0 }}
    maxSkew: 1
    whenUnsatisfiable: {{ index . 1 }}
    labelSelector:
      matchLabels:
        {{- include "gift-certificates.selector" $.root | nindent 8 }}
        app.kubernetes.io/component: {{ $.name }}
{{- end }}
{{- end -}}
