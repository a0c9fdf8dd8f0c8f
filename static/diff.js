// @ts-check
// Where two prompts of a pair differ, word by word.

/** Words, runs of spaces, newlines and single signs. @param {string} text */
export const pieces = (text) => text.match(/\w+|\n|[^\S\n]+|[^\w\s]/g) ?? [];

/**
 * Longest common subsequence: for each side, whether a piece is its own alone.
 * @param {string[]} a
 * @param {string[]} b
 * @returns {[boolean[], boolean[]]}
 */
export function differing(a, b) {
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const down = Number(table[(i + 1) * width + j]);
      const right = Number(table[i * width + j + 1]);
      table[i * width + j] =
        a[i] === b[j] ? Number(table[(i + 1) * width + j + 1]) + 1 : Math.max(down, right);
    }
  }
  const [mine, other] = [a.map(() => true), b.map(() => true)];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      mine[i++] = false;
      other[j++] = false;
    } else if (Number(table[(i + 1) * width + j]) >= Number(table[i * width + j + 1])) i++;
    else j++;
  }
  return [mine, other];
}

/** @param {Element} first @param {Element} second two texts; what differs is wrapped in <mark> */
export function markDifferences(first, second) {
  const parts = [pieces(first.textContent ?? ""), pieces(second.textContent ?? "")];
  const [a, b] = [parts[0] ?? [], parts[1] ?? []];
  const [mine, other] = differing(a, b);
  const wrap = (
    /** @type {Element} */ element,
    /** @type {string[]} */ list,
    /** @type {boolean[]} */ own,
  ) => {
    const nodes = list.map((piece, i) => {
      if (!own[i]) return document.createTextNode(piece);
      const mark = document.createElement("mark");
      mark.textContent = piece;
      return mark;
    });
    element.replaceChildren(...nodes);
  };
  wrap(first, a, mine);
  wrap(second, b, other);
}
