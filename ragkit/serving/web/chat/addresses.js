// Addresses in answers, which arrive so that nothing renders them as links.

const DEFANGED = /(?:hxxps?|fxp):\S+|(?<![\w.@-])(?:[\w.+-]+\[at\][\w.-]+|www\[\.\]\S+)/gi;

/**
 * Returns the text of an answer with the addresses that occur in `sources` as they are there: the page
 * renders none. Others stay without their form, as a model may have made them up.
 */
export const withAddresses = (text, sources) =>
  text.replace(DEFANGED, (match) => {
    const inert = match.replace(/[.,;:!?)"'>\]}*_`]+$/, "");
    const address = inert.replace(/^hxxp/i, "http").replace(/^fxp/i, "ftp").replace("[at]", "@").replace(/(www)\[\.\]/i, "$1.");
    for (const source of sources) {
      const at = source.toLowerCase().indexOf(address.toLowerCase());
      if (at >= 0) return source.slice(at, at + address.length) + match.slice(inert.length);
    }
    return match;
  });
