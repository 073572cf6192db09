// The words of the search box, as the API reads `q`: words and "phrases", -not, field:value.

export interface Term {
  /** As it stands in `q`. */
  raw: string;
  not: boolean;
  /** A filter's name in front of a colon, where there is one. */
  field: FilterName | null;
  text: string;
}

export const FILTERS = [
  "site",
  "charger",
  "connector",
  "action",
  "status",
  "outcome",
  "error_code",
  "vendor_error_code",
  "source",
  "id_tag",
  "transaction_id",
  "message_id",
  "subprotocol",
] as const;

export type FilterName = (typeof FILTERS)[number];

/**
 * A phrase ends with a quote before a blank or the end, with or without a comma, and does not go on over a quote that begins another
 * term; a quote that nothing closes is part of a word.
 */
const TERM = /(-?)(?:([a-z_]+):)?(?:"((?:[^"]|(?<![^:,{[]\s)(?<!\s-)(?<![A-Za-z_]:)"(?!,*(?:\s|$)))*)",*(?=\s|$)|(\S+))/g;

export function split(q: string): Term[] {
  const found: Term[] = [];
  for (const match of q.matchAll(TERM)) {
    const [raw, minus = "", name = "", phrase, word = ""] = match;
    // Where the quote of a value is not closed, the API says so: it stays among the words.
    const closed = phrase !== undefined || !word.startsWith('"');
    const field = (closed && FILTERS.find((filter) => filter === name)) || null;
    const text = (name && !field ? `${name}:` : "") + (phrase ?? word);
    if (text.trim()) found.push({ raw, not: minus === "-", field, text });
  }
  return found;
}

/** A term that means `text`, whatever is in it: with quotes where they are needed. */
export function quoted(text: string): string {
  const plain = text.replaceAll('"', " ").trim();
  const ambiguous = /\s/.test(plain) || plain.startsWith("-") || split(plain).some(({ field }) => field);
  return ambiguous ? `"${plain}"` : plain;
}
