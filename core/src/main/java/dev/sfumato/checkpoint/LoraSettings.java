package dev.sfumato.checkpoint;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * The settings of a LoRA: those that diffusers writes into the header of a file, or those of the
 * file that PEFT writes beside its weights.
 */
record LoraSettings(Map<String, Object> values) {
  @SuppressWarnings("unchecked")
  static LoraSettings of(Path file, Map<String, String> metadata) {
    String header = metadata.get("lora_adapter_metadata");
    if (header != null) {
      return new LoraSettings(
          JsonFile.value(header) instanceof Map<?, ?> map ? (Map<String, Object>) map : Map.of());
    }
    Path beside = file.resolveSibling("adapter_config.json");
    return new LoraSettings(Files.exists(beside) ? JsonFile.read(beside, Map.class) : Map.of());
  }

  /** Returns alpha / r of a layer or, if it is rank-stabilised (rsLoRA), alpha / sqrt(r). */
  double rate(String part, String layer, long rank) {
    boolean stabilised = Boolean.TRUE.equals(values.get(start(part) + "use_rslora"));
    return alpha(part, layer).orElse((double) rank) / (stabilised ? Math.sqrt(rank) : rank);
  }

  /** Returns the alpha of a layer, if there is one. */
  Optional<Double> alpha(String part, String layer) {
    if (values.get(start(part) + "alpha_pattern") instanceof Map<?, ?> patterns) {
      for (Map.Entry<?, ?> entry : patterns.entrySet()) {
        if (names(String.valueOf(entry.getKey()), layer)
            && entry.getValue() instanceof Number alpha) {
          return Optional.of(alpha.doubleValue());
        }
      }
    }
    return values.get(start(part) + "lora_alpha") instanceof Number alpha
        ? Optional.of(alpha.doubleValue())
        : Optional.empty();
  }

  /** A header has the settings of several networks, a folder of PEFT those of one. */
  private String start(String part) {
    return values.containsKey(part + ".r") ? part + "." : "";
  }

  /** PEFT matches a key as a regular expression; programs write plain names, and only they do. */
  private static boolean names(String key, String layer) {
    String name = key.replaceAll("^\\^|\\$$", "").replace("\\.", ".");
    if (!name.matches("[\\w.-]+")) {
      throw new SfumatoException(
          "alpha_pattern: '" + Printable.shortened(name) + "' is not the name of a layer");
    }
    return layer.equals(name)
        || layer.equals("text_model." + name) // transformers 5.6 has dropped this
        || !key.startsWith("^") && layer.endsWith("." + name);
  }

  /** Returns the text encoder whose class PEFT has noted, if there is one. */
  Optional<String> textEncoder() {
    Map<?, ?> noted = values.get("auto_mapping") instanceof Map<?, ?> map ? map : Map.of();
    return switch (String.valueOf(noted.get("base_model_class"))) {
      case "CLIPTextModel" -> Optional.of("text_encoder");
      case "CLIPTextModelWithProjection" -> Optional.of("text_encoder_2");
      default -> Optional.empty();
    };
  }

  /** Returns true if the settings ask for a DoRA. */
  boolean isDora() {
    return values.entrySet().stream()
        .anyMatch(e -> e.getKey().endsWith("use_dora") && Boolean.TRUE.equals(e.getValue()));
  }
}
