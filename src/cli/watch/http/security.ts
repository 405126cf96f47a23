import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** Of every answer. The page may load what is its own, and nothing from elsewhere; no other page may show or read it. */
export const HEADERS: OutgoingHttpHeaders = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

/** Why a request is not answered. */
export interface Refusal {
  status: number;
  reason: string;
}

/**
 * Refuses what no reader of this page sends: a name in Host that is not served (a name of somebody else's that was made
 * to point here would make his pages of the same origin), a request that another origin's page has caused, and any
 * method that might change something. The port in Host is whatever leads here, as of a tunnel.
 */
export function refusal(request: IncomingMessage, host: string): Refusal | undefined {
  const { method, headers } = request;
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, reason: 'only GET and HEAD' };
  if (!isServed(hostnameOf(`http://${headers.host ?? ''}`), host)) {
    return {
      status: 403,
      reason:
        `Host must name the address that is served, and not ${headers.host ?? 'nothing'}: open the page by an IP address, ` +
        'or start it with --host and that name',
    };
  }
  if (isOfAnotherOrigin(request)) return { status: 403, reason: 'no other origin may read this' };
  return undefined;
}

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

/** Where all addresses are served any of them may be named: an address cannot be made to point elsewhere. */
function isServed(named: string | undefined, host: string): boolean {
  if (named === undefined) return false;
  if (['localhost', '127.0.0.1', '[::1]', hostnameOf(`http://${bracketed(host)}`)].includes(named))
    return true;
  return isWildcard(host) && isIP(named.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

function isOfAnotherOrigin({ headers, url }: IncomingMessage): boolean {
  const { origin, host } = headers;
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase()))
    return true;
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  // Whoever follows a link comes from elsewhere. The page holds nothing to be read before its own script has asked.
  return !(
    url === '/' &&
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document'
  );
}

function isWildcard(host: string): boolean {
  return hostnameOf(`http://${bracketed(host)}`) === '[::]' || host === '0.0.0.0';
}

/** An address or name as it stands in a URL. */
export function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
