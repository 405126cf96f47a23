/** Markup: what is in it has been escaped. */
export class Html {
  constructor(readonly text: string) {}
}

export type HtmlPart = Html | string | number | undefined | readonly HtmlPart[];

/**
 * Markup with parts put in, each escaped unless it is markup itself. Undefined is nothing; lists are put in whole, and how
 * the source is indented stays behind. Its name isn't html, as prettier would lay out what it holds, white space that
 * counts included.
 */
export function markup(fixed: TemplateStringsArray, ...parts: HtmlPart[]): Html {
  const [first = '', ...others] = fixed.map((text) => text.replaceAll(/\s*\n\s*/g, '\n'));
  return new Html(others.reduce((text, next, i) => `${text}${render(parts[i])}${next}`, first));
}

function render(part: HtmlPart): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(render).join('');
  return escape(String(part));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** A sentence, with what stands between backticks as code. */
export function prose(text: string): Html {
  const parts = text
    .split('`')
    .map((part, i) => (i % 2 === 1 ? markup`<code>${part}</code>` : markup`${part}`));
  return markup`${parts}`;
}

/** The content of a script element of data. JSON has `<` only in strings, where it may be written otherwise. */
export function inlineJson(value: unknown): Html {
  return new Html(JSON.stringify(value).replaceAll('<', '\\u003c'));
}

/** A script's text, so that no string in it ends the element. */
export function inlineScript(text: string): Html {
  return new Html(text.replaceAll(/<(?=\/script|!--)/gi, '\\x3c'));
}

/** A style sheet's text. @throws Error if it would end the element */
export function inlineStyle(text: string): Html {
  if (/<\/style/i.test(text)) throw new Error('a style sheet holds </style');
  return new Html(text);
}
