// What the page can do besides being read: send the requests that it describes to its own node.

const shown = 64 * 1024; // characters of an answer

const token = document.getElementById("token");
document.getElementById("access").hidden = false;
document.getElementById("access").addEventListener("submit", (event) => event.preventDefault());

for (const sample of document.querySelectorAll("code.sample")) {
  sample.textContent = sample.textContent.replaceAll("http://127.0.0.1:12345", location.origin);
}

for (const details of document.querySelectorAll("details.try")) {
  details.hidden = false;
}

for (const form of document.querySelectorAll("details.try form")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

// request reads a form: parameters are named like query:limit, and empty ones are left out.
function request(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const headers = new Headers();
  for (const input of form.querySelectorAll("input")) {
    const [where, name] = input.name.split(/:(.*)/s);
    if (where === "path") {
      path = path.replace(`{${name}}`, encodeURIComponent(input.value));
    } else if (input.value === "") {
      continue;
    } else if (where === "query") {
      query.set(name, input.value);
    } else {
      headers.set(name, input.value);
    }
  }
  if (token.value !== "") {
    headers.set("Authorization", `Bearer ${token.value}`);
  }
  const init = { method: form.dataset.method, headers, redirect: "error" };
  if (form.elements.body) {
    init.body = form.elements.body.value;
    headers.set("Content-Type", form.elements.media.value);
  }
  const search = query.toString();
  return [path + (search === "" ? "" : `?${search}`), init];
}

// send shows an answer as it comes, until it ends or is stopped.
async function send(form) {
  const output = form.querySelector("output");
  const stop = form.querySelector(".stop");
  const abort = new AbortController();
  stop.onclick = () => abort.abort();
  stop.hidden = false;
  try {
    const [url, init] = request(form);
    output.textContent = `${init.method} ${url}\n…`;
    const answer = await fetch(url, { ...init, signal: abort.signal });
    let text = `${answer.status} ${answer.statusText}\n`;
    for (const [name, value] of answer.headers) {
      if (/^(allow|content-type|etag|location|retry-after|www-authenticate|idempotent-replayed)$/.test(name)) {
        text += `${name}: ${value}\n`;
      }
    }
    await show(output, `${text}\n`, answer, abort);
  } catch (error) {
    if (error.name !== "AbortError") {
      output.textContent = `No answer: ${error.message}`;
    }
  } finally {
    stop.hidden = true;
  }
}

async function show(output, head, answer, abort) {
  let text = "";
  output.textContent = head;
  if (answer.body !== null) {
    for await (const piece of chunks(answer.body.pipeThrough(new TextDecoderStream()))) {
      text += piece;
      output.textContent = head + text.slice(0, shown);
      if (text.length > shown) {
        output.textContent += "\n… and more";
        abort.abort();
        return;
      }
    }
  }
  if (/^application\/(problem\+)?json/.test(answer.headers.get("Content-Type") ?? "")) {
    output.textContent = head + JSON.stringify(JSON.parse(text), null, 2);
  }
}

// chunks walks over a stream; not every browser can do so by itself.
async function* chunks(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    yield value;
  }
}
