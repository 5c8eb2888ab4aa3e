{{/* Names, labels, the image, and how a value becomes text. */}}

{{- define "gift-certificates.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gift-certificates.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gift-certificates.labels" -}}
{{ include "gift-certificates.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/part-of: gift-certificates
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "gift-certificates.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "gift-certificates.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "gift-certificates.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* The account of the hooks, which run before the release's own is there. */}}
{{- define "gift-certificates.jobsServiceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- printf "%s-jobs" (include "gift-certificates.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* A value as text: a whole number never as 6.7e+07, which is how Helm holds it. */}}
{{- define "gift-certificates.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{- printf "%.0f" . -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/* A quantity of bytes in whole MiB. */}}
{{- define "gift-certificates.mebibytes" -}}
{{- $of := dict "" 1048576.0 "k" 1048.576 "M" 1.048576 "G" 0.001048576 "T" 0.000001048576 "Ki" 1024.0 "Mi" 1.0 "Gi" 0.0009765625 "Ti" 0.00000095367431640625 -}}
{{- $unit := regexFind "[A-Za-z]*$" . -}}
{{- divf (float64 (trimSuffix $unit .)) (get $of $unit) | floor | int64 -}}
{{- end -}}

{{- define "gift-certificates.scheme" -}}
{{- if .Values.secrets.tls.existingSecret }}https{{ else }}http{{ end -}}
{{- end -}}

{{/* The consumer group of a role: root, role. */}}
{{- define "gift-certificates.group" -}}
{{- $variable := printf "GIFTCERT_%s_GROUP" (upper .role) -}}
{{- get .root.Values.settings $variable | default (printf "%sgiftcert-%s" .root.Values.kafka.topicPrefix .role) -}}
{{- end -}}

{{/* A name out of files/, with the words in braces filled in: root, name. */}}
{{- define "gift-certificates.named" -}}
{{- $values := .root.Values -}}
{{- $prefix := $values.kafka.topicPrefix -}}
{{- $output := get $values.enrich.settings "GIFTCERT_ENRICH_OUTPUT_TOPIC" | default (printf "%sAll_Payments.Enriched" $prefix) -}}
{{- $words := dict
  "{correlatorGroup}" (include "gift-certificates.group" (dict "root" .root "role" "correlator"))
  "{processorGroup}" (include "gift-certificates.group" (dict "root" .root "role" "processor"))
  "{crmGroup}" (get $values.crm.settings "GIFTCERT_CRM_GROUP" | default (printf "%sgiftcert-crm" $prefix))
  "{enrichOrders}" (get $values.enrich.settings "GIFTCERT_ENRICH_ORDERS_TOPIC" | default (printf "%sAll_SalesOrder" $prefix))
  "{enrichPayments}" (get $values.enrich.settings "GIFTCERT_ENRICH_PAYMENTS_TOPIC" | default (printf "%sAll_Payments" $prefix))
  "{enrichGroup}" (get $values.enrich.settings "GIFTCERT_ENRICH_GROUP" | default (printf "%s.giftcert-enrich" $output))
  "{enrichOutput}" $output
  "{prefix}" $prefix -}}
{{- $name := .name -}}
{{- range $word, $meaning := $words -}}
{{- $name = replace $word $meaning $name -}}
{{- end -}}
{{- $name -}}
{{- end -}}
