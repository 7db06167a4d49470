// Optional: Enter sends the message, the newest message is scrolled into view, and the button shows progress.
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
