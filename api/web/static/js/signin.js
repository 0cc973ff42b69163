// The form that asks for a token. What the pages send back to the node needs the token itself, so this tab remembers it; the
// browser's cookie is only good for reading.

const form = document.getElementById("signin");

if (document.getElementById("again")) {
  sessionStorage.removeItem("token");
}
form.addEventListener("submit", () => sessionStorage.setItem("token", form.elements.token.value.trim()));
form.elements.token.focus();
