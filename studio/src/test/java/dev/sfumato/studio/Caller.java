package dev.sfumato.studio;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.Precision;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.Socket;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/** Calls a studio byte by byte, so that a test decides every header. */
final class Caller {
  static final Path MODELS = Path.of("../models");

  private final String host;
  private final int port;

  Caller(Studio studio) {
    this.host = studio.address().getHost();
    this.port = studio.address().getPort();
  }

  /** Returns a studio's options for any free port and the CPU. */
  static StudioOptions options(Path home, Path... folders) {
    return StudioOptions.defaults()
        .withPort(0)
        .withHome(home)
        .withFolders(List.of(folders))
        .withDevice("cpu", Precision.FP32);
  }

  /** An answer. */
  record Answer(int status, String head, byte[] body) {
    JsonNode json() {
      try {
        return JsonFile.MAPPER.readTree(body);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    String error() {
      return json().path("error").asText();
    }
  }

  String authority() {
    return host + ":" + port;
  }

  /** Sends a request with exactly these header lines, and {@code Content-Length}. */
  Answer send(String start, byte[] body, String... headers) {
    String head =
        start
            + " HTTP/1.1\r\n"
            + String.join("", Arrays.stream(headers).map(line -> line + "\r\n").toList())
            + "Connection: close\r\nContent-Length: "
            + body.length
            + "\r\n\r\n";
    try (Socket socket = new Socket(host, port)) {
      socket.setSoTimeout(60_000);
      socket.getOutputStream().write(head.getBytes(StandardCharsets.ISO_8859_1));
      socket.getOutputStream().write(body);
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      socket.getInputStream().transferTo(all);
      return parse(all.toByteArray());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Answer parse(byte[] all) {
    String text = new String(all, StandardCharsets.ISO_8859_1);
    int end = text.indexOf("\r\n\r\n");
    String head = text.substring(0, end);
    return new Answer(
        Integer.parseInt(head.split(" ", 3)[1]),
        head,
        Arrays.copyOfRange(all, end + 4, all.length));
  }

  /** Reads as the page does. */
  Answer get(String path) {
    return send("GET " + path, new byte[0], "Host: " + authority());
  }

  /** Sends as the page does. */
  Answer post(String path, byte[] body) {
    return send("POST " + path, body, "Host: " + authority(), "Origin: http://" + authority());
  }

  Answer post(String path, String json) {
    return post(path, json.getBytes(StandardCharsets.UTF_8));
  }

  Answer delete(String path) {
    return send(
        "DELETE " + path, new byte[0], "Host: " + authority(), "Origin: http://" + authority());
  }

  /** Draws, and returns the job that ended in any way. */
  JsonNode drawn(String json) {
    Answer answer = post("/api/drawings", json);
    if (answer.status() != 200) {
      throw new AssertionError(answer.error());
    }
    return waitFor(answer.json().get("job").asLong(), Caller::isOver);
  }

  static boolean isOver(JsonNode job) {
    return !job.get("state").asText().matches("queued|running");
  }

  /** Waits until a job is as wanted. */
  JsonNode waitFor(long id, Predicate<JsonNode> wanted) {
    long end = System.nanoTime() + 60_000_000_000L;
    while (System.nanoTime() < end) {
      JsonNode job = job(id);
      if (job != null && wanted.test(job)) {
        return job;
      }
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
    throw new AssertionError("job " + id + " stays " + job(id));
  }

  private JsonNode job(long id) {
    for (JsonNode job : jobs()) {
      if (job.get("id").asLong() == id) {
        return job;
      }
    }
    return null;
  }

  /** Returns all jobs. */
  JsonNode jobs() {
    return get("/api/jobs").json();
  }

  /** Returns the first lines of the news that a fresh page gets. */
  List<String> news(int lines) {
    try {
      URLConnection page = new URL("http://" + authority() + "/api/events").openConnection();
      page.setReadTimeout(60_000);
      try (BufferedReader reader =
          new BufferedReader(
              new InputStreamReader(page.getInputStream(), StandardCharsets.UTF_8))) {
        return reader.lines().limit(lines).toList();
      } finally {
        ((HttpURLConnection) page).disconnect();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
