import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { temporaryFolder } from './machine';

export interface Certificate {
  key: string;
  cert: string;
  /** The same, as files. */
  keyFile: string;
  certFile: string;
}

/** Makes a certificate that signs itself, for a name and 127.0.0.1, with openssl. */
export function makeCertificate(name: string): Certificate {
  const folder = temporaryFolder();
  const [keyFile, certFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const made = spawnSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name},IP:127.0.0.1`],
      ...['-keyout', keyFile, '-out', certFile],
    ],
    { encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`openssl failed: ${made.stderr}`);
  const read = (file: string): string => fs.readFileSync(file, 'utf8');
  return { key: read(keyFile), cert: read(certFile), keyFile, certFile };
}
