{{/* Secrets and other files of a container, each a volume of its own: only the named keys, read by its own group. */}}

{{/* One row for each: name, secret, items (key to file). Rows without a Secret's name are left out. */}}
{{- define "gift-certificates.secretRows" -}}
{{- $secrets := .root.Values.secrets -}}
{{- $kafka := .root.Values.kafka -}}
{{- $principal := get $secrets.kafka.principals .principal -}}
rows:
{{- if ne $kafka.securityProtocol "PLAINTEXT" }}
- {name: kafka-authorities, secret: {{ $secrets.kafka.authorities.existingSecret | quote }}, items: [{key: {{ $secrets.kafka.authorities.key | quote }}, path: ca.crt}]}
{{- end }}
{{- if eq $kafka.securityProtocol "SSL" }}
- {name: kafka, secret: {{ $principal.existingSecret | quote }}, items: [{key: {{ $principal.certificateKey | quote }}, path: user.crt}, {key: {{ $principal.keyKey | quote }}, path: user.key}]}
{{- else if hasPrefix "SASL" $kafka.securityProtocol }}
- {name: kafka, secret: {{ $principal.existingSecret | quote }}, items: [{key: {{ $principal.passwordKey | quote }}, path: password}]}
{{- if eq $kafka.saslMechanism "OAUTHBEARER" }}
- {name: kafka-issuer-authorities, secret: {{ $secrets.kafka.oauthAuthorities.existingSecret | quote }}, items: [{key: {{ $secrets.kafka.oauthAuthorities.key | quote }}, path: ca.crt}]}
{{- end }}
{{- end }}
{{- if get .root.Values.settings "GIFTCERT_SCHEMA_REGISTRY_URL" }}
- {name: registry-password, secret: {{ $secrets.registry.password.existingSecret | quote }}, items: [{key: {{ $secrets.registry.password.key | quote }}, path: password}]}
- {name: registry-token, secret: {{ $secrets.registry.token.existingSecret | quote }}, items: [{key: {{ $secrets.registry.token.key | quote }}, path: token}]}
- {name: registry-authorities, secret: {{ $secrets.registry.authorities.existingSecret | quote }}, items: [{key: {{ $secrets.registry.authorities.key | quote }}, path: ca.crt}]}
{{- end }}
{{- if and .component .component.traces }}
- {name: traces, secret: {{ $secrets.traces.headers.existingSecret | quote }}, items: [{key: {{ $secrets.traces.headers.key | quote }}, path: headers}]}
{{- end }}
- {name: tls-authorities, secret: {{ $secrets.tlsAuthorities.existingSecret | quote }}, items: [{key: {{ $secrets.tlsAuthorities.key | quote }}, path: ca.crt}]}
{{- if and .component .component.listens }}
- {name: tls, secret: {{ $secrets.tls.existingSecret | quote }}, items: [{key: {{ $secrets.tls.certificateKey | quote }}, path: tls.crt}, {key: {{ $secrets.tls.keyKey | quote }}, path: tls.key}]}
{{- end }}
{{- if eq .name "processor" }}
- {name: cvc-keys, secret: {{ $secrets.cvcKeys.existingSecret | quote }}, items: [{key: {{ $secrets.cvcKeys.key | quote }}, path: cvc-keys.json}]}
{{- else if has .name (list "auditor" "operator") }}
- {name: auditor-token, secret: {{ $secrets.auditorToken.existingSecret | quote }}, items: [{key: {{ $secrets.auditorToken.key | quote }}, path: token}]}
{{- else if eq .name "crm" }}
- {name: crm-client, secret: {{ $secrets.crm.client.existingSecret | quote }}, items: [{key: {{ $secrets.crm.client.key | quote }}, path: client-secret}]}
- {name: crm-sms, secret: {{ $secrets.crm.sms.existingSecret | quote }}, items: [{key: {{ $secrets.crm.sms.key | quote }}, path: sms-secret}]}
- {name: crm-smtp, secret: {{ $secrets.crm.smtp.existingSecret | quote }}, items: [{key: {{ $secrets.crm.smtp.key | quote }}, path: smtp-password}]}
- {name: crm-addresses, secret: {{ $secrets.crm.addresses.existingSecret | quote }}, items: [{key: {{ $secrets.crm.addresses.key | quote }}, path: addresses}]}
- {name: crm-directory, secret: {{ $secrets.crm.directory.existingSecret | quote }}, items: [{key: {{ $secrets.crm.directory.key | quote }}, path: directory-token}]}
- {name: crm-authorities, secret: {{ $secrets.crm.authorities.existingSecret | quote }}, items: [{key: {{ $secrets.crm.authorities.key | quote }}, path: ca.crt}]}
{{- else if and (eq .name "bi") (include "gift-certificates.martAddress" .root) }}
- {name: bi-mart, secret: {{ $secrets.bi.mart.existingSecret | quote }}, items: [{key: {{ $secrets.bi.mart.key | quote }}, path: password}]}
{{- end }}
{{- end -}}

{{- define "gift-certificates.volumes" -}}
{{- if not .scratch -}}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- else if .scratch.className -}}
# A volume that comes and goes with the pod.
- name: tmp
  ephemeral:
    volumeClaimTemplate:
      spec:
        accessModes: [ReadWriteOnce]
        storageClassName: {{ .scratch.className }}
        resources:
          requests: {storage: {{ .scratch.size }}}
{{- else -}}
- name: tmp
  emptyDir: {sizeLimit: {{ .scratch.size }}}
{{- end }}
{{- range (fromYaml (include "gift-certificates.secretRows" .)).rows }}
{{- if .secret }}
- name: {{ .name }}
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
    {{- if and $.withoutKafka (hasPrefix "kafka" .name) }}
    # It asks the registry alone, and may run before whoever makes the logins to Kafka.
    optional: true
    {{- end }}
    items: {{ toJson .items }}
{{- end }}
{{- end }}
{{- if and .component .component.edge }}
- name: clients
  configMap: {name: {{ include "gift-certificates.fullname" .root }}-clients}
{{- end }}
{{- end -}}

{{- define "gift-certificates.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- range (fromYaml (include "gift-certificates.secretRows" .)).rows }}
{{- if .secret }}
- {name: {{ .name }}, mountPath: /etc/giftcert/{{ .name }}, readOnly: true}
{{- end }}
{{- end }}
{{- if and .component .component.edge }}
- {name: clients, mountPath: /etc/giftcert/clients, readOnly: true}
{{- end }}
{{- if and .component .component.keeps }}
- {name: state, mountPath: /var/lib/giftcert}
{{- end }}
{{- end -}}
