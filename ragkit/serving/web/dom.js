// Elements, made from text and nothing else: what a document says is never read as HTML.

/** The element of this id. */
export const byId = (id) => document.getElementById(id);

/**
 * An element. `properties` are those of the DOM (className, hidden, onclick); names with "-" and
 * `role` become attributes. Children are elements and texts; null is left out.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "role" || name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((each) => each !== null));
  return element;
}

/** Shows a message, or hides its element where there is none. */
export function tell(element, message) {
  element.textContent = message || "";
  element.hidden = !message;
}

/** "1 passage", "2,310 passages". */
export function counted(number, noun, nouns = `${noun}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? noun : nouns}`;
}

/** A button that copies a text; where the browser does not let it, the text is selected. */
export function copyButton(text, label) {
  const button = make("button", { type: "button", className: "quiet", title: text }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = text;
      getSelection().selectAllChildren(button);
    }
    setTimeout(() => (button.textContent = label), 4000);
  });
  return button;
}
