// DOM elements made from text only: nothing in a document is ever parsed as HTML.

/** Returns the element with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * Returns a new element. `properties` are DOM properties (className, hidden, onclick); names with
 * "-" and `role` become attributes. Children are elements and strings; null is left out.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "role" || name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

let styles = null;

/** Loads the style sheet of what is not needed for a search. */
export function addStyles() {
  styles ??= new Promise((resolve) => {
    document.head.append(make("link", { rel: "stylesheet", href: "/web/more.css", onload: resolve, onerror: resolve }));
  });
  return styles;
}

/** Shows a message in an element, or hides the element if there is none. */
export function showMessage(element, message) {
  element.textContent = message || "";
  element.hidden = !message;
}

/** Returns a count with its noun: "1 passage", "2,310 passages". */
export function counted(number, noun, nouns = `${noun}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? noun : nouns}`;
}

/** Returns a button that copies a text; if the browser refuses, it selects the text. */
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
