package dev.sfumato.tensor;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * What the Python reference computed: {@code golden/<name>.json} and {@code .safetensors}, written
 * by {@code reference/<name>.py}.
 */
public final class Golden {
  private final JsonNode document;
  private final Safetensors tensors;

  private Golden(JsonNode document, Safetensors tensors) {
    this.document = document;
    this.tensors = tensors;
  }

  /** Reads the golden of this name. */
  public static Golden read(String name) {
    try {
      return new Golden(
          JsonFile.MAPPER.readTree(path(name + ".json").toFile()),
          Safetensors.open(path(name + ".safetensors")));
    } catch (IOException e) {
      throw new AssertionError("golden/" + name + ".json: " + e.getMessage(), e);
    }
  }

  /** A file or folder below {@code golden/}. */
  public static Path path(String name) {
    URL resource = Golden.class.getResource("/golden/" + name);
    if (resource == null) {
      throw new AssertionError("golden/" + name + " is missing: see reference/");
    }
    try {
      return resource.getProtocol().equals("jar") ? copy(resource) : Path.of(resource.toURI());
    } catch (IOException | URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  /** Tests of other modules find the file packed. */
  private static Path copy(URL resource) throws IOException {
    Path copy = Files.createTempFile("golden", resource.getPath().replaceAll(".*[./]", "."));
    copy.toFile().deleteOnExit();
    try (InputStream packed = resource.openStream()) {
      Files.copy(packed, copy, StandardCopyOption.REPLACE_EXISTING);
    }
    return copy;
  }

  /** The JSON document. */
  public JsonNode document() {
    return document;
  }

  /** A tensor, owned by the current scope. */
  public Tensor tensor(String name) {
    return tensors.tensor(name);
  }

  /** All tensors; {@link Safetensors#tensors} maps them at once. */
  public Safetensors tensors() {
    return tensors;
  }
}
