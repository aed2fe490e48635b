package dev.sfumato.picture;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.Base64;

/** Values from {@code reference/pictures.py}, and the files from which it made them. */
public final class PictureGolden {
  private PictureGolden() {}

  public static JsonNode json() {
    return read("/golden/pictures.json", in -> new ObjectMapper().readTree(in));
  }

  public static byte[] file(String name) {
    return read("/pictures/" + name, InputStream::readAllBytes);
  }

  public static Pixels pixels(JsonNode stored) {
    JsonNode shape = stored.get("shape");
    byte[] values = Base64.getDecoder().decode(stored.get("values").asText());
    return new Pixels(shape.get(0).asInt(), shape.get(1).asInt(), shape.get(2).asInt(), values);
  }

  /** Returns the largest difference between two pictures of one shape. */
  public static int distance(Pixels one, Pixels other) {
    if (one.channels() != other.channels()
        || one.height() != other.height()
        || one.width() != other.width()) {
      throw new AssertionError(one + " and " + other + " have different shapes");
    }
    int largest = 0;
    for (int i = 0; i < one.values().length; i++) {
      int difference = (one.values()[i] & 0xff) - (other.values()[i] & 0xff);
      largest = Math.max(largest, Math.abs(difference));
    }
    return largest;
  }

  private interface Reading<T> {
    T of(InputStream in) throws IOException;
  }

  private static <T> T read(String resource, Reading<T> reading) {
    try (InputStream in = PictureGolden.class.getResourceAsStream(resource)) {
      return reading.of(in);
    } catch (IOException e) {
      throw new AssertionError(resource, e);
    }
  }
}
