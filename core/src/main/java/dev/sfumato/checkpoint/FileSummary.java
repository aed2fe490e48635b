package dev.sfumato.checkpoint;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Tells in a few words the purpose of a file of tensors. */
public final class FileSummary {
  private FileSummary() {}

  /**
   * Returns facts by their names, the kind first; nothing for a file of a kind that is not known.
   *
   * @throws dev.sfumato.SfumatoException if the file cannot be read
   */
  public static Map<String, String> of(Path path) {
    Map<String, String> facts = new LinkedHashMap<>();
    try (TensorFile file = TensorFile.open(path)) {
      FileKind kind = FileKind.of(file.shapes());
      if (kind != FileKind.UNKNOWN) {
        facts.put("kind", kind.title());
      }
      switch (kind) {
        case MODEL -> model(path, file, facts);
        case AUTOENCODER -> facts.put("vae", parameters(file.shapes()));
        case UNET -> facts.put("U-Net", parameters(file.shapes()));
        case LORA -> facts.putAll(LoraFile.open(path).facts(file.shapes()));
        case TEXTUAL_INVERSION -> embedding(file, facts);
        default -> {}
      }
    }
    return facts;
  }

  private static void model(Path path, TensorFile file, Map<String, String> facts) {
    try (SingleFile model = SingleFile.open(path, ReadingOptions.DEFAULT)) {
      facts.put("family", model.kind().title());
      facts.put("pipeline", model.index().get("_class_name").toString());
      facts.put("U-Net", parameters(file.shapesBelow(SingleFile.UNET)));
      for (String start : SingleFile.AUTOENCODERS) {
        if (!file.shapesBelow(start).isEmpty()) {
          facts.put("vae", parameters(file.shapesBelow(start)));
        }
      }
      facts.put("scheduler", model.scheduler().className());
      facts.put("predicts", model.scheduler().predictionType().toString());
    }
  }

  private static void embedding(TensorFile file, Map<String, String> facts) {
    facts.put(
        "vectors",
        file.shapes().entrySet().stream()
            .map(e -> vectors(e.getKey(), e.getValue()))
            .collect(Collectors.joining(", ")));
  }

  private static String vectors(String name, List<Long> shape) {
    long width = shape.get(shape.size() - 1);
    long count = shape.size() == 1 ? 1 : shape.get(0);
    String family =
        switch ((int) width) {
          case 768 -> ", of CLIP ViT-L (Stable Diffusion 1.x, XL)";
          case 1024 -> ", of open_clip ViT-H (Stable Diffusion 2.x)";
          case 1280 -> ", of open_clip ViT-bigG (Stable Diffusion XL)";
          default -> "";
        };
    return name + ": " + count + " of " + width + " numbers" + family;
  }

  private static String parameters(Map<String, List<Long>> shapes) {
    long count =
        shapes.values().stream()
            .mapToLong(shape -> shape.stream().reduce(1L, (a, b) -> a * b))
            .sum();
    return String.format(Locale.ROOT, "%,d parameters", count);
  }
}
