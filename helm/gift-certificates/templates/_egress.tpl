{{/* Where a pod may go: names, Kafka, and what its kind asks. */}}
{{- define "gift-certificates.egress" -}}
{{- $policy := .root.Values.networkPolicy -}}
# Names.
- ports:
    {{- range $port := $policy.dns.ports }}
    {{- range list "UDP" "TCP" }}
    - {protocol: {{ . }}, port: {{ include "gift-certificates.text" $port }}}
    {{- end }}
    {{- end }}
  {{- with $policy.dns.peers }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
# Kafka.
{{- $ports := $policy.kafka.ports -}}
{{- range splitList "," .root.Values.kafka.bootstrap -}}
{{- $ports = append $ports (regexFind "[0-9]+$" (trim .) | int) -}}
{{- end }}
{{ include "gift-certificates.way" (dict "ports" (uniq $ports) "peers" $policy.kafka.peers) }}
{{- $own := get (get .root.Values .name | default dict) "settings" | default dict -}}
{{- $told := dict -}}
{{- range $layer := list .root.Values.settings $own -}}
{{- range $variable, $value := $layer -}}
{{- $_ := set $told $variable $value -}}
{{- end -}}
{{- end -}}
{{- with get $told "GIFTCERT_SCHEMA_REGISTRY_URL" }}
# The schema registry.
{{ include "gift-certificates.wayTo" (dict "way" $policy.registry "addresses" (list .)) }}
{{- end }}
{{- with get $told "GIFTCERT_TRACES_URL" }}
# The collector of traces.
{{ include "gift-certificates.wayTo" (dict "way" $policy.traces "addresses" (list .)) }}
{{- end }}
{{- $issuer := list -}}
{{- if .component.edge -}}
{{- $issuer = list (get $told "GIFTCERT_TOKEN_ISSUER") (get $told "GIFTCERT_TOKEN_JWKS_URL") -}}
{{- else if eq .name "crm" -}}
{{- $issuer = list (get $told "GIFTCERT_CRM_TOKEN_URL") -}}
{{- end -}}
{{- $kafka := .root.Values.kafka -}}
{{- if and (hasPrefix "SASL" $kafka.securityProtocol) (eq $kafka.saslMechanism "OAUTHBEARER") -}}
{{- $issuer = append $issuer $kafka.oauth.tokenUrl -}}
{{- end -}}
{{- with compact $issuer }}
# The token issuer.
{{ include "gift-certificates.wayTo" (dict "way" $policy.issuer "addresses" .) }}
{{- end }}
{{- if eq .name "crm" }}
# Gateways and directory.
{{ include "gift-certificates.way" $policy.messages }}
{{- end }}
{{- if and (has .name (list "bi" "jobs")) (include "gift-certificates.martAddress" .root) }}
# The mart in PostgreSQL.
{{ include "gift-certificates.way" $policy.mart }}
{{- end }}
{{- if or .component.edge (has .name (list "crm" "auditor" "operator")) }}
{{- range $other := list "correlator" "processor" "auditor" }}
# Pods of this release.
- to:
    - podSelector:
        matchLabels:
          {{- include "gift-certificates.selector" $.root | nindent 10 }}
          app.kubernetes.io/component: {{ $other }}
  ports: [{protocol: TCP, port: {{ include "gift-certificates.text" (get $.root.Values $other).port }}}]
{{- end }}
{{- end }}
{{- end -}}

{{/* The way to web addresses: way, addresses. On the ports of the way where it names some, else on the addresses' own. */}}
{{- define "gift-certificates.wayTo" -}}
{{- $ports := .way.ports -}}
{{- if not $ports -}}
{{- range $address := .addresses -}}
{{- $host := regexReplaceAll "^[A-Za-z]+://([^/?#]*).*$" $address "${1}" -}}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" -}}
{{- $ports = append $ports ($port | default (ternary "80" "443" (hasPrefix "http://" (lower $address)))) -}}
{{- end -}}
{{- end -}}
{{ include "gift-certificates.way" (dict "ports" (uniq $ports) "peers" .way.peers) }}
{{- end -}}

{{/* One way out: peers and ports; without peers to anywhere. */}}
{{- define "gift-certificates.way" -}}
- ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ include "gift-certificates.text" . }}}
    {{- end }}
  {{- with .peers }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
