import { markup, prose, type Html } from './html';

/** A paragraph that stands out, its first words in bold. */
export function note(kind: 'good' | 'warn' | 'bad', head: string, text: string): Html {
  return markup`<p class="note ${kind}"><b>${head}</b> ${text}</p>
  `;
}

export function notMeasured(why: string): Html {
  return note('bad', 'Not measured.', why);
}

/** A list of sentences, or nothing. */
export function list(sentences: readonly string[]): Html {
  if (sentences.length === 0) return markup``;
  return markup`<ul>
    ${sentences.map((sentence) => markup`<li>${prose(sentence)}</li>`)}
  </ul>
  `;
}
