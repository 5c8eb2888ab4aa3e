{{/* What each kind of pod is: one row each, so that no two templates disagree. */}}

{{- define "gift-certificates.components" -}}
correlator: {arguments: [correlator], listens: true, edge: true, traces: true, replicas: many, keeps: true}
processor: {arguments: [processor], listens: true, edge: true, traces: true, replicas: many, keeps: true}
crm: {arguments: [crm], listens: true, edge: false, traces: true, replicas: many, keeps: true}
bi: {arguments: [bi, run], listens: true, edge: false, traces: false, replicas: one, keeps: true}
auditor: {arguments: [auditor], listens: true, edge: false, traces: false, replicas: one, keeps: false}
enrich: {arguments: [enrich], listens: true, edge: false, traces: false, replicas: one, keeps: true}
{{- end -}}

{{/* The PostgreSQL address of the mart; empty where the mart is a file on the pod's volume. */}}
{{- define "gift-certificates.martAddress" -}}
{{- get .Values.bi.settings "GIFTCERT_BI_MART" | default "" -}}
{{- end -}}
