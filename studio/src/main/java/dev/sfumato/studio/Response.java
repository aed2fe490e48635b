package dev.sfumato.studio;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.sfumato.io.JsonFile;
import java.util.Map;

/**
 * The answer to a request.
 *
 * @param status of HTTP
 * @param type of the content
 * @param body the content
 */
record Response(int status, String type, byte[] body) {
  /** Returns a value as JSON. */
  static Response json(Object value) {
    return json(200, value);
  }

  /** Returns an error as one line that the page shows. */
  static Response error(int status, String line) {
    return json(status, Map.of("error", line));
  }

  private static Response json(int status, Object value) {
    try {
      return new Response(
          status, "application/json; charset=utf-8", JsonFile.MAPPER.writeValueAsBytes(value));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns a PNG file. */
  static Response png(byte[] file) {
    return new Response(200, "image/png", file);
  }
}
