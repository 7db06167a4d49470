// The chat page works without this: Enter sends, the newest message is in view, and a sent form says so.
const form = document.getElementById("say");
const text = form.querySelector("textarea");

text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

form.addEventListener("submit", () => {
  const button = form.querySelector("button");
  button.disabled = true;
  button.textContent = "Thinking …";
});

form.scrollIntoView({ block: "end" });
