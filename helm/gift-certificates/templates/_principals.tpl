{{/* The file of `giftcert acls`: what Kafka calls each principal. */}}
{{- define "gift-certificates.principals" -}}
{{- $told := dict -}}
{{- range $name, $principal := .Values.secrets.kafka.principals -}}
{{- $_ := set $told $name (list ($principal.aclPrincipal | default (printf "User:%s" $principal.username))) -}}
{{- end -}}
{{- toJson $told -}}
{{- end -}}
