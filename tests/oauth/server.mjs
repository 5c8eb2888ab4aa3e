// An authorization server as retailers run them: panva's oidc-provider, certified for OpenID Connect.
//
// node server.mjs PROGRAM_DIRECTORY SETTINGS_FILE
// The settings say port, keys (private JWKs, the first is signed with), clients, scopes and
// resources; a resource is what tokens are asked for, with its audience and signature algorithm.
// With `defaultResource` that one is meant where none is named, with `tls` it speaks HTTPS as well.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [programDirectory, settingsFile] = process.argv.slice(2)
const settings = JSON.parse(readFileSync(settingsFile, 'utf8'))
const program = createRequire(`${programDirectory}/package.json`).resolve('oidc-provider')
const { default: Provider, errors } = await import(pathToFileURL(program))

const provider = new Provider(`http://127.0.0.1:${settings.port}`, {
  jwks: { keys: settings.keys },
  scopes: settings.scopes,
  clients: Object.entries(settings.clients).map(([id, secret]) => ({
    client_id: id,
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  })),
  enabledJWA: { idTokenSigningAlgValues: settings.algorithms },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => settings.defaultResource ?? undefined,
      getResourceServerInfo(_context, indicator) {
        const resource = settings.resources[indicator]
        if (resource === undefined) throw new errors.InvalidTarget()
        return {
          scope: settings.scopes.join(' '),
          audience: resource.audience,
          accessTokenTTL: 300,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: resource.algorithm } },
        }
      },
    },
  },
})
provider.on('server_error', (_context, error) => console.error(error))
provider.listen(settings.port, '127.0.0.1')
if (settings.tls) {
  const [cert, key] = [settings.tls.certificate, settings.tls.key].map((file) => readFileSync(file))
  createServer({ cert, key }, provider.callback()).listen(settings.tls.port, '127.0.0.1')
}
