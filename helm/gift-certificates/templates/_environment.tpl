{{/* The environment of a container: settings from the values, and what only the chart can know. */}}

{{- define "gift-certificates.kafkaEnvironment" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $principal := get .root.Values.secrets.kafka.principals .principal -}}
GIFTCERT_BOOTSTRAP: {{ $kafka.bootstrap | quote }}
GIFTCERT_SECURITY_PROTOCOL: {{ $kafka.securityProtocol | quote }}
GIFTCERT_TOPIC_PREFIX: {{ $kafka.topicPrefix | quote }}
GIFTCERT_PARTITIONS: {{ include "gift-certificates.text" $kafka.partitions | quote }}
GIFTCERT_REPLICATION_FACTOR: {{ include "gift-certificates.text" $kafka.replicationFactor | quote }}
GIFTCERT_MIN_INSYNC_REPLICAS: {{ include "gift-certificates.text" $kafka.minInsyncReplicas | quote }}
{{- if .root.Values.secrets.kafka.authorities.existingSecret }}
GIFTCERT_SSL_CA_LOCATION: /etc/giftcert/kafka-authorities/ca.crt
{{- end }}
{{- if hasPrefix "SASL" $kafka.securityProtocol }}
GIFTCERT_SASL_MECHANISM: {{ $kafka.saslMechanism | quote }}
{{- if eq $kafka.saslMechanism "OAUTHBEARER" }}
GIFTCERT_SASL_TOKEN_URL: {{ $kafka.oauth.tokenUrl | quote }}
GIFTCERT_SASL_CLIENT_ID: {{ $principal.username | quote }}
GIFTCERT_SASL_CLIENT_SECRET_FILE: /etc/giftcert/kafka/password
{{- if $kafka.oauth.scope }}
GIFTCERT_SASL_SCOPE: {{ $kafka.oauth.scope | quote }}
{{- end }}
{{- if .root.Values.secrets.kafka.oauthAuthorities.existingSecret }}
GIFTCERT_SASL_CA_LOCATION: /etc/giftcert/kafka-issuer-authorities/ca.crt
{{- end }}
{{- else }}
GIFTCERT_SASL_USERNAME: {{ $principal.username | quote }}
GIFTCERT_SASL_PASSWORD_FILE: /etc/giftcert/kafka/password
{{- end }}
{{- else if eq $kafka.securityProtocol "SSL" }}
GIFTCERT_SSL_CERTIFICATE_LOCATION: /etc/giftcert/kafka/user.crt
GIFTCERT_SSL_KEY_LOCATION: /etc/giftcert/kafka/user.key
{{- end }}
{{- end -}}

{{/* What a pod that listens is told of its address. */}}
{{- define "gift-certificates.edgeEnvironment" -}}
{{- $values := get .root.Values .name -}}
GIFTCERT_HTTP_HOST: {{ .root.Values.listenAddress | quote }}
GIFTCERT_HTTP_PORT: {{ include "gift-certificates.text" $values.port | quote }}
GIFTCERT_ADVERTISED_URL: {{ printf "%s://$(POD_NAME).%s-%s-pods.$(POD_NAMESPACE).svc:%s" (include "gift-certificates.scheme" .root) (include "gift-certificates.fullname" .root) .name (include "gift-certificates.text" $values.port) | quote }}
{{- if .root.Values.secrets.tls.existingSecret }}
GIFTCERT_TLS_CERTIFICATE_LOCATION: /etc/giftcert/tls/tls.crt
GIFTCERT_TLS_KEY_LOCATION: /etc/giftcert/tls/tls.key
{{- end }}
{{- end -}}

{{/* What one kind of pod is told and no other. */}}
{{- define "gift-certificates.ownEnvironment" -}}
{{- $secrets := .root.Values.secrets -}}
{{- if .component.edge }}
GIFTCERT_CLIENTS_FILE: /etc/giftcert/clients/clients.json
{{- end }}
{{- if .component.keeps }}
GIFTCERT_STATE_DIR: /var/lib/giftcert/state
{{- end }}
{{- if and .component.traces $secrets.traces.headers.existingSecret }}
GIFTCERT_TRACES_HEADERS_FILE: /etc/giftcert/traces/headers
{{- end }}
{{- if eq .name "processor" }}
GIFTCERT_CVC_KEY_FILE: /etc/giftcert/cvc-keys/cvc-keys.json
{{- else if eq .name "crm" }}
{{- if not (hasKey .root.Values.crm.settings "GIFTCERT_CRM_SERVICE_URL") }}
GIFTCERT_CRM_SERVICE_URL: {{ printf "%s://%s-edge.$(POD_NAMESPACE).svc:%s" (include "gift-certificates.scheme" .root) (include "gift-certificates.fullname" .root) (include "gift-certificates.text" .root.Values.service.port) | quote }}
{{- end }}
GIFTCERT_CRM_CLIENT_SECRET_FILE: /etc/giftcert/crm-client/client-secret
{{- if $secrets.crm.sms.existingSecret }}
GIFTCERT_CRM_SMS_SECRET_FILE: /etc/giftcert/crm-sms/sms-secret
{{- end }}
{{- if $secrets.crm.smtp.existingSecret }}
GIFTCERT_CRM_SMTP_PASSWORD_FILE: /etc/giftcert/crm-smtp/smtp-password
{{- end }}
{{- if $secrets.crm.addresses.existingSecret }}
GIFTCERT_CRM_ADDRESS_FILE: /etc/giftcert/crm-addresses/addresses
{{- end }}
{{- if $secrets.crm.directory.existingSecret }}
GIFTCERT_CRM_ADDRESS_SECRET_FILE: /etc/giftcert/crm-directory/directory-token
{{- end }}
{{- if $secrets.crm.authorities.existingSecret }}
GIFTCERT_CRM_CA_LOCATION: /etc/giftcert/crm-authorities/ca.crt
{{- end }}
{{- else if eq .name "bi" }}
GIFTCERT_BI_HTTP_PORT: {{ include "gift-certificates.text" .root.Values.bi.port | quote }}
{{ include "gift-certificates.martEnvironment" .root }}
{{- else if eq .name "enrich" }}
GIFTCERT_ENRICH_HTTP_PORT: {{ include "gift-certificates.text" .root.Values.enrich.port | quote }}
{{- else if and (eq .name "auditor") $secrets.auditorToken.existingSecret }}
GIFTCERT_TOKEN_FILE: /etc/giftcert/auditor-token/token
{{- end }}
{{- end -}}

{{/* Where the mart is, for the pod that fills it and the job that reads it. */}}
{{- define "gift-certificates.martEnvironment" -}}
{{- if not (include "gift-certificates.martAddress" .) }}
GIFTCERT_BI_MART: /var/lib/giftcert/mart.duckdb
{{- else if .Values.secrets.bi.mart.existingSecret }}
GIFTCERT_BI_PASSWORD_FILE: /etc/giftcert/bi-mart/password
{{- end }}
{{- end -}}

{{- define "gift-certificates.registryEnvironment" -}}
{{- $registry := .Values.secrets.registry -}}
{{- if $registry.password.existingSecret }}
GIFTCERT_SCHEMA_REGISTRY_PASSWORD_FILE: /etc/giftcert/registry-password/password
{{- end }}
{{- if $registry.token.existingSecret }}
GIFTCERT_SCHEMA_REGISTRY_TOKEN_FILE: /etc/giftcert/registry-token/token
{{- end }}
{{- if $registry.authorities.existingSecret }}
GIFTCERT_SCHEMA_REGISTRY_CA_LOCATION: /etc/giftcert/registry-authorities/ca.crt
{{- end }}
{{- end -}}

{{/* The list of a container's variables: root, name, principal; component where it is a pod of its own. */}}
{{- define "gift-certificates.environment" -}}
{{- $own := dict "GIFTCERT_LOG_FORMAT" "json" -}}
{{- if and .component .component.edge -}}
{{- /* A pod takes longer to be made anew than its partitions should wait: the others take them at once. */ -}}
{{- $_ := set $own "GIFTCERT_ON_STOP" "leave" -}}
{{- end -}}
{{- if .root.Values.auditor.enabled -}}
{{- $auditor := printf "%s-auditor" (include "gift-certificates.fullname" .root) -}}
{{- $_ := set $own "GIFTCERT_AUDITOR_URL" (printf "%s://%s-0.%s-pods.$(POD_NAMESPACE).svc:%s" (include "gift-certificates.scheme" .root) $auditor $auditor (include "gift-certificates.text" .root.Values.auditor.port)) -}}
{{- end -}}
{{- $layers := list $own .root.Values.settings (.settings | default dict) (fromYaml (include "gift-certificates.kafkaEnvironment" .)) -}}
{{- if .component -}}
{{- if .component.listens -}}
{{- $layers = append $layers (fromYaml (include "gift-certificates.edgeEnvironment" .)) -}}
{{- end -}}
{{- $layers = append $layers (fromYaml (include "gift-certificates.ownEnvironment" .)) -}}
{{- else if .extra -}}
{{- $layers = append $layers .extra -}}
{{- end -}}
{{- if get .root.Values.settings "GIFTCERT_SCHEMA_REGISTRY_URL" -}}
{{- $layers = append $layers (fromYaml (include "gift-certificates.registryEnvironment" .root)) -}}
{{- end -}}
{{- if .root.Values.secrets.tlsAuthorities.existingSecret -}}
{{- $layers = append $layers (dict "GIFTCERT_TLS_CA_LOCATION" "/etc/giftcert/tls-authorities/ca.crt") -}}
{{- end -}}
{{- /* Not `merge`: it takes false and 0 for nothing. */ -}}
{{- $all := dict -}}
{{- range $layer := $layers -}}
{{- range $variable, $value := $layer -}}
{{- $_ := set $all $variable $value -}}
{{- end -}}
{{- end -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- if .component }}
- name: GIFTCERT_WORKER_ID
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end }}
{{- /* An empty text takes back what a file of values before this one said. */}}
{{- range $variable := keys $all | sortAlpha }}
{{- $text := include "gift-certificates.text" (get $all $variable) }}
{{- if $text }}
- name: {{ $variable }}
  value: {{ $text | quote }}
{{- end }}
{{- end }}
{{- end -}}
