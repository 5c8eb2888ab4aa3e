{{/* The file of `giftcert acls`: what Kafka calls each principal. */}}
{{- define "gift-certificates.principals" -}}
{{- $told := dict -}}
{{- range $name, $principal := .Values.secrets.kafka.principals -}}
{{- $_ := set $told $name (list ($principal.aclPrincipal | default (printf "User:%s" $principal.username))) -}}
{{- end -}}
{{- toJson $told -}}
{{- end -}}

{{/* What `giftcert acls` is told: that file, and settings of the neighbours that names in the table of rights follow from. */}}
{{- define "gift-certificates.rightsEnvironment" -}}
GIFTCERT_ACL_PRINCIPALS_FILE: /etc/giftcert/principals/principals.json
{{- range $variable := list "GIFTCERT_ENRICH_ORDERS_TOPIC" "GIFTCERT_ENRICH_PAYMENTS_TOPIC" "GIFTCERT_ENRICH_OUTPUT_TOPIC" "GIFTCERT_ENRICH_GROUP" "GIFTCERT_CRM_GROUP" }}
{{- with get (ternary $.Values.crm.settings $.Values.enrich.settings (hasPrefix "GIFTCERT_CRM_" $variable)) $variable }}
{{ $variable }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}
