/** The values of attributes of these names, in the markup outside of scripts and styles. */
export function attributesOf(page: string, names: string): string[] {
  const markup = page.replaceAll(/<(script|style)\b[^>]*>[^]*?<\/\1>/g, '');
  return [...markup.matchAll(new RegExp(`\\s(?:${names})="([^"]*)"`, 'g'))].map(([, value]) => value ?? '');
}

/** The text that a reader sees, on one line. */
export function textOf(markup: string): string {
  return markup
    .replaceAll(/<(script|style)\b[^>]*>[^]*?<\/\1>/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll('&gt;', '>')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** The first table whose first column is headed so: the cells of each row, by its heading. */
export function rowsOf(page: string, firstHead: string): Map<string, string[]> {
  const tables = page.match(/<table\b[^]*?<\/table>/g) ?? [];
  const table = tables.find((one) => textOf(/<th\b[^]*?<\/th>/.exec(one)?.[0] ?? '') === firstHead) ?? '';
  const [, body = ''] = /<tbody>([^]*)<\/tbody>/.exec(table) ?? [];
  const rows = (body.match(/<tr>[^]*?<\/tr>/g) ?? []).map((row) =>
    (row.match(/<t[hd]\b[^]*?<\/t[hd]>/g) ?? []).map(textOf),
  );
  return new Map(rows.map(([head = '', ...cells]) => [head, cells]));
}
