package dev.sfumato.run;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.hub.HubId;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The model that a run tuned.
 *
 * @param name an id of the Hub, or a file or directory of this machine
 */
record BaseModel(String name) {
  /** A model in the cache of the Hub, where {@code /} is written as two dashes. */
  private static final Pattern CACHED = Pattern.compile(".*/models--(.+?)--(.+)/snapshots/[^/]+");

  private static final Pattern FILE = Pattern.compile(".*\\.(safetensors|ckpt)");

  /** Returns whether a model is one file, even if that is gone. */
  boolean isFile() {
    Path local = Path.of(name);
    return Files.isRegularFile(local) || !Files.exists(local) && FILE.matcher(name).matches();
  }

  /** Returns the id of the Hub without a revision, if the model is surely that one. */
  Optional<String> hubId() {
    Path local = Path.of(name);
    if (isFile()) {
      return Optional.empty();
    }
    if (!Files.exists(local)) {
      return HubId.parse(name).map(HubId::repository);
    }
    Matcher cached = CACHED.matcher(real(local));
    return cached.matches()
        ? HubId.parse(cached.group(1) + "/" + cached.group(2)).map(HubId::repository)
        : Optional.empty();
  }

  /**
   * Returns the id of the Hub that the model's own files name. The model may be that one, or one
   * that was made from it: diffusers writes the same into both.
   */
  Optional<String> origin() {
    Path index = Path.of(name, "model_index.json");
    if (hubId().isPresent() || !Files.exists(index)) {
      return Optional.empty();
    }
    String origin = JsonFile.read(index, JsonNode.class).path("_name_or_path").asText();
    return Optional.of(origin)
        .filter(id -> !Files.exists(Path.of(id)))
        .flatMap(HubId::parse)
        .map(HubId::repository);
  }

  /** Returns the name for a card: as it was given, but a card tells nobody where files lie. */
  String shown() {
    Path local = Path.of(name);
    return local.isAbsolute() && Files.exists(local)
        ? hubId().orElse(local.getFileName().toString())
        : name;
  }

  private static String real(Path local) {
    try {
      return local.toRealPath().toString().replace('\\', '/');
    } catch (IOException e) {
      return local.toAbsolutePath().normalize().toString();
    }
  }
}
