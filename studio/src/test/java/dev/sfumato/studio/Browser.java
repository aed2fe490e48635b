package dev.sfumato.studio;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A Chromium without a window, driven by its DevTools protocol. */
final class Browser implements AutoCloseable {
  private static final List<String> NAMES =
      List.of("chromium", "chromium-browser", "google-chrome");

  private final Process process;
  private final WebSocket socket;
  private final AtomicInteger last = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();

  /** What the page logged as errors. */
  private final List<String> errors = new ArrayList<>();

  /** Returns the browser on this machine, if there is one. */
  static Optional<Path> find() {
    return Arrays.stream(System.getenv("PATH").split(":"))
        .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** Starts a browser that keeps its data in {@code profile}. */
  Browser(Path program, Path profile) throws Exception {
    process =
        new ProcessBuilder(
                program.toString(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile,
                "about:blank")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    Path file = profile.resolve("DevToolsActivePort");
    for (int i = 0; i < 600 && (!Files.exists(file) || Files.size(file) == 0); i++) {
      Thread.sleep(50);
    }
    String port = Files.readAllLines(file).get(0);
    HttpClient client = HttpClient.newHttpClient();
    URI pages = URI.create("http://127.0.0.1:" + port + "/json/new?about:blank");
    HttpRequest make =
        HttpRequest.newBuilder(pages).PUT(HttpRequest.BodyPublishers.noBody()).build();
    String page = client.send(make, HttpResponse.BodyHandlers.ofString()).body();
    URI address = URI.create(JsonFile.MAPPER.readTree(page).get("webSocketDebuggerUrl").asText());
    socket = client.newWebSocketBuilder().buildAsync(address, new Reader()).get();
    call("Page.enable", Map.of());
    call("Runtime.enable", Map.of());
    call("DOM.enable", Map.of());
  }

  private final class Reader implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean isLast) {
      text.append(part);
      if (isLast) {
        message(text.toString());
        text.setLength(0);
      }
      from.request(1);
      return null;
    }
  }

  private void message(String text) {
    try {
      JsonNode message = JsonFile.MAPPER.readTree(text);
      if (message.has("id")) {
        answers.remove(message.get("id").asInt()).complete(message);
      } else if (message.path("method").asText().equals("Runtime.exceptionThrown")) {
        errors.add(message.get("params").get("exceptionDetails").toString());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<String> errors() {
    return List.copyOf(errors);
  }

  private JsonNode call(String method, Map<String, Object> parameters) {
    int id = last.incrementAndGet();
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    answers.put(id, answer);
    try {
      String text =
          JsonFile.MAPPER.writeValueAsString(
              Map.of("id", id, "method", method, "params", parameters));
      socket.sendText(text, true).get(30, TimeUnit.SECONDS);
      JsonNode result = answer.get(60, TimeUnit.SECONDS);
      if (result.has("error")) {
        throw new AssertionError(method + ": " + result.get("error"));
      }
      return result.get("result");
    } catch (Exception e) {
      throw new AssertionError(method, e);
    }
  }

  void open(Object address) {
    call("Page.navigate", Map.of("url", address.toString()));
  }

  /** Sets the size of the window. */
  void resize(int width, int height) {
    call(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
  }

  /** Runs JavaScript and returns its value. */
  JsonNode run(String script) {
    JsonNode result =
        call(
            "Runtime.evaluate",
            Map.of("expression", script, "awaitPromise", true, "returnByValue", true));
    if (result.has("exceptionDetails")) {
      throw new AssertionError(script + ": " + result.get("exceptionDetails"));
    }
    return result.get("result").path("value");
  }

  /** Waits until JavaScript gives something true. */
  JsonNode await(String script) {
    long end = System.nanoTime() + Duration.ofSeconds(120).toNanos();
    while (System.nanoTime() < end) {
      JsonNode value = run("(() => { try { return " + script + " } catch { return false } })()");
      if (value.isTextual() ? !value.asText().isEmpty() : value.asBoolean()) {
        return value;
      }
      pause(40);
    }
    throw new AssertionError(
        "never: " + script + "; the page says: " + run("document.body.innerText").asText());
  }

  static void pause(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Clicks the middle of an element, as a mouse does. */
  void click(String selector) {
    JsonNode place = place(selector);
    mouse("mousePressed", place.get("x").asDouble(), place.get("y").asDouble());
    mouse("mouseReleased", place.get("x").asDouble(), place.get("y").asDouble());
  }

  /** Clicks the element with these words. */
  void clickText(String selector, String words) {
    await(
        "(window.wanted = [...document.querySelectorAll('%s')].find(e => e.textContent.includes('%s')))"
                .formatted(selector, words)
            + " && (wanted.dataset.wanted = 'yes')");
    click("[data-wanted]");
    run("delete wanted.dataset.wanted");
  }

  private JsonNode place(String selector) {
    String element = "document.querySelector(`" + selector + "`)";
    await(element + ".getClientRects().length > 0"); // its part of the page may still be hidden
    return run(
        "(() => { const e = "
            + element
            + "; e.scrollIntoView({block: 'center', behavior: 'instant'});"
            + " const b = e.getBoundingClientRect();"
            + " return {x: b.x + b.width / 2, y: b.y + b.height / 2, width: b.width,"
            + " height: b.height}; })()");
  }

  private void mouse(String type, double x, double y) {
    call(
        "Input.dispatchMouseEvent",
        Map.of(
            "type",
            type,
            "x",
            x,
            "y",
            y,
            "button",
            "left",
            "buttons",
            type.equals("mouseReleased") ? 0 : 1,
            "clickCount",
            1));
  }

  /** Draws a line with the mouse; places are parts of the element's width and height. */
  void drag(String selector, double x0, double y0, double x1, double y1) {
    JsonNode b = place(selector);
    double left = b.get("x").asDouble() - b.get("width").asDouble() / 2;
    double top = b.get("y").asDouble() - b.get("height").asDouble() / 2;
    double width = b.get("width").asDouble();
    double height = b.get("height").asDouble();
    mouse("mousePressed", left + x0 * width, top + y0 * height);
    for (int i = 1; i <= 8; i++) {
      double part = i / 8.0;
      mouse(
          "mouseMoved",
          left + (x0 + part * (x1 - x0)) * width,
          top + (y0 + part * (y1 - y0)) * height);
    }
    mouse("mouseReleased", left + x1 * width, top + y1 * height);
  }

  /** Drops a file or a folder on an element. */
  void drop(String selector, Path dropped) {
    JsonNode b = place(selector);
    Map<String, Object> data =
        Map.of(
            "items", List.of(),
            "files", List.of(dropped.toAbsolutePath().normalize().toString()),
            "dragOperationsMask", 1);
    for (String type : List.of("dragEnter", "dragOver", "drop")) {
      call(
          "Input.dispatchDragEvent",
          Map.of("type", type, "x", b.get("x"), "y", b.get("y"), "data", data));
    }
  }

  /** Sets the value of an input, as typing does. */
  void type(String selector, Object value) {
    await("!!document.querySelector(`" + selector + "`)");
    run(
        "(() => { const e = document.querySelector(`%s`); e.value = `%s`; e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true})); })()"
            .formatted(selector, value));
  }

  /** Chooses a file. */
  void choose(String selector, Path file) {
    await("!!document.querySelector(`" + selector + "`)");
    int root = call("DOM.getDocument", Map.of()).get("root").get("nodeId").asInt();
    int node =
        call("DOM.querySelector", Map.of("nodeId", root, "selector", selector))
            .get("nodeId")
            .asInt();
    call(
        "DOM.setFileInputFiles",
        Map.of("nodeId", node, "files", List.of(file.toAbsolutePath().normalize().toString())));
  }

  @Override
  public void close() throws Exception {
    socket.abort();
    process.descendants().forEach(ProcessHandle::destroy);
    process.destroy();
    process.waitFor(10, TimeUnit.SECONDS);
    process.descendants().forEach(ProcessHandle::destroyForcibly);
  }
}
