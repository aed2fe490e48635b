package dev.sfumato.checkpoint;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.nn.Adapter;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A LoRA (Hu et al., 2021) on disk: for each of some layers two matrices, whose product changes the
 * layer's weight, {@code W + scale alpha / r up down}. All common spellings are read: diffusers'
 * old and new ones, PEFT's, kohya's, with the names of diffusers or the original ones.
 */
public final class LoraFile {
  /** Parts of names of other methods. */
  private static final Map<String, String> OTHERS = new LinkedHashMap<>();

  static {
    OTHERS.put("hada_w", "a LoHa");
    OTHERS.put("lokr_w", "a LoKr");
    OTHERS.put("dora_scale", "a DoRA");
    OTHERS.put("lora_magnitude_vector", "a DoRA");
    OTHERS.put("lora_mid", "a LoCon with three matrices (lora_mid)");
    OTHERS.put("oft_", "an OFT");
    OTHERS.put("on_input", "an IA3");
  }

  private final Path path;
  private final Map<String, LoraMatrices> layers = new TreeMap<>();
  private final List<String> unknown = new ArrayList<>();
  private final LoraSettings settings;

  private LoraFile(Path path, Map<String, List<Long>> shapes, LoraSettings settings) {
    this.path = path;
    this.settings = settings;
    for (String name : shapes.keySet()) {
      OTHERS.forEach(
          (part, method) -> {
            if (name.contains(part)) {
              throw refused(method);
            }
          });
      if (!LoraMatrices.collect(name, layers)) {
        unknown.add(name);
      }
    }
    if (settings.isDora()) {
      throw refused("a DoRA");
    }
  }

  private SfumatoException refused(String method) {
    return new SfumatoException(path + ": is " + method + ", which is not supported: only LoRA is");
  }

  /**
   * Reads the names in a file, or in the one LoRA file of a directory.
   *
   * @throws SfumatoException if it is not a LoRA, or one of a kind that is not supported
   */
  public static LoraFile open(Path path) {
    Path found = Files.isDirectory(path) ? in(path) : path;
    try (TensorFile file = TensorFile.open(found)) {
      FileKind kind = FileKind.of(file.shapes());
      if (kind != FileKind.LORA) {
        throw new SfumatoException(found + ": is not a LoRA but holds: " + kind.title());
      }
      return new LoraFile(found, file.shapes(), LoraSettings.of(found, file.metadata()));
    }
  }

  private static Path in(Path directory) {
    List<Path> files;
    try (Stream<Path> all = Files.list(directory)) {
      files =
          all.filter(file -> file.toString().matches(".*\\.(safetensors|bin|pt)"))
              .sorted()
              .toList();
    } catch (IOException e) {
      throw new SfumatoException(directory + ": cannot be read: " + e.getMessage(), e);
    }
    for (String usual : List.of("pytorch_lora_weights.safetensors", "adapter_model.safetensors")) {
      if (files.contains(directory.resolve(usual))) {
        return directory.resolve(usual);
      }
    }
    if (files.isEmpty()) {
      throw new SfumatoException(
          directory + ": holds no weights: name the file of a LoRA, or a folder with one");
    }
    if (files.size() > 1) {
      throw new SfumatoException(
          directory + ": has " + files.size() + " files of weights: name the one with the LoRA");
    }
    return files.get(0);
  }

  // ---- layers

  /** The change of a layer; {@code up} (out, r) and {@code down} (r, in). */
  private record Change(LoraTargets.Target target, Tensor up, Tensor down, double rate) {}

  /**
   * Adds {@code scale alpha / r up down} to the weights of a model.
   *
   * @throws SfumatoException if a tensor finds no layer, or one of another shape; no weight is then
   *     changed
   */
  public void mergeInto(LoraTargets targets, double scale) {
    adapt(targets, scale).merge();
  }

  /**
   * Puts {@code scale alpha / r up down} beside the weights of a model.
   *
   * @return the adapters, which the model's layers own; closing them removes them
   * @throws SfumatoException if a tensor finds no layer, or one of another shape; no weight is then
   *     changed
   */
  public LoraLayers adapt(LoraTargets targets, double scale) {
    try (TensorFile file = TensorFile.open(path);
        Scope scope = Scope.open()) {
      List<LoraLayers.Layer> adapted = new ArrayList<>();
      for (Change change : changes(targets, file.tensors())) {
        AdaptedWeight.Part weight = change.target.weight();
        Adapter adapter = weight.adapt(change.up, change.down, change.rate, scale);
        adapted.add(new LoraLayers.Layer(change.target, adapter));
      }
      return new LoraLayers(adapted, targets.version());
    }
  }

  private List<Change> changes(LoraTargets targets, Map<String, Tensor> tensors) {
    List<String> lost = new ArrayList<>(unknown);
    List<Change> changes = new ArrayList<>();
    String encoder = textEncoder(targets, tensors);
    layers.forEach(
        (spelling, layer) -> {
          Optional<LoraTargets.Target> target = targets.find(spelling, encoder);
          if (target.isPresent() && layer.fits(target.get().weight(), tensors)) {
            layer.names().forEach(name -> requireFinite(name, tensors.get(name)));
            changes.add(change(target.get(), layer, tensors));
          } else {
            layer.names().forEach(lost::add);
          }
        });
    if (!lost.isEmpty()) {
      throw new SfumatoException(path + ": " + mismatch(targets, lost, tensors));
    }
    return changes;
  }

  /**
   * Returns the text encoder that layers without a network belong to: the one that they fit or, if
   * they fit two, the one of the class that PEFT has noted, or of the folder's name.
   */
  private String textEncoder(LoraTargets targets, Map<String, Tensor> tensors) {
    List<String> fitting =
        targets.textEncoders().stream()
            .filter(
                encoder ->
                    layers.keySet().stream().allMatch(s -> fits(s, encoder, targets, tensors)))
            .toList();
    if (fitting.size() < 2 || layers.keySet().stream().allMatch(s -> targets.find(s).isPresent())) {
      return (fitting.isEmpty() ? targets.textEncoders() : fitting).get(0);
    }
    Path folder = path.toAbsolutePath().normalize().getParent().getFileName();
    return settings
        .textEncoder()
        .or(() -> fitting.stream().filter(name -> Path.of(name).equals(folder)).findFirst())
        .filter(fitting::contains)
        .orElseThrow(
            () ->
                new SfumatoException(
                    path
                        + ": does not say which text encoder it changes, and the model has two:"
                        + " name its folder text_encoder or text_encoder_2"));
  }

  /** Copies a layer's matrices, which else belong to the file, in their own precision. */
  private Change change(
      LoraTargets.Target target, LoraMatrices layer, Map<String, Tensor> tensors) {
    Tensor up = matrix(tensors.get(layer.up()), target);
    Tensor down = matrix(tensors.get(layer.down()), target);
    double rate =
        layer.alpha() != null
            ? tensors.get(layer.alpha()).to(DType.FLOAT32).item() / down.size(0)
            : settings.rate(target.part(), target.layer(), down.size(0));
    return new Change(target, up, down, rate);
  }

  private static Tensor matrix(Tensor stored, LoraTargets.Target target) {
    return stored.reshape(stored.size(0), -1).copy().to(target.device());
  }

  private void requireFinite(String name, Tensor tensor) {
    if (!tensor.isFinite()) {
      throw new SfumatoException(
          path + ": " + Printable.shortened(name) + " holds NaN or infinity: the file is damaged");
    }
  }

  private boolean fits(
      String spelling, String encoder, LoraTargets targets, Map<String, Tensor> tensors) {
    return targets
        .find(spelling, encoder)
        .filter(target -> layers.get(spelling).fits(target.weight(), tensors))
        .isPresent();
  }

  private String mismatch(LoraTargets targets, List<String> lost, Map<String, Tensor> tensors) {
    Optional<Long> width = textWidth(TensorFile.shapesOf(tensors));
    if (width.isPresent() && width.get() != targets.textWidth()) {
      return "is a LoRA for "
          + family(width.get())
          + ", but the model is "
          + family(targets.textWidth());
    }
    String first = String.join(", ", lost.stream().limit(3).toList());
    int more = lost.size() - 3;
    return lost.size()
        + " of its "
        + tensors.size()
        + " tensors find no layer of their shape in the model: "
        + first
        + (more > 0 ? " and " + more + " more" : "");
  }

  /**
   * Returns the numbers of the text's states that cross-attention reads, if the LoRA changes it.
   */
  private Optional<Long> textWidth(Map<String, List<Long>> shapes) {
    return layers.entrySet().stream()
        .filter(e -> e.getKey().matches(".*attn2[._](processor\\.)?to_[kv]"))
        .filter(e -> e.getValue().down() != null)
        .map(e -> shapes.get(e.getValue().down()))
        .filter(shape -> shape.size() > 1)
        .map(shape -> shape.get(1))
        .findFirst();
  }

  private static String family(long width) {
    String name =
        switch ((int) width) {
          case 768 -> "Stable Diffusion 1.x";
          case 1024 -> "Stable Diffusion 2.x";
          case 1280 -> "the refiner of Stable Diffusion XL";
          case 2048 -> "Stable Diffusion XL";
          default -> "another model";
        };
    return name + " (texts of " + width + " numbers)";
  }

  // ---- description

  /** Returns facts about the file for people. */
  Map<String, String> facts(Map<String, List<Long>> shapes) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("layers", String.valueOf(layers.size()));
    facts.put("form", form());
    facts.put(
        "rank",
        String.join(
            ", ",
            layers.values().stream()
                .filter(layer -> layer.down() != null)
                .flatMap(layer -> shapes.get(layer.down()).stream().limit(1))
                .map(String::valueOf)
                .distinct()
                .toList()));
    textWidth(shapes).ifPresent(width -> facts.put("for", family(width)));
    settings.alpha("unet", "").ifPresent(alpha -> facts.put("alpha", alpha.toString()));
    return facts;
  }

  private String form() {
    String name = layers.isEmpty() ? "" : layers.keySet().iterator().next();
    LoraMatrices layer = layers.get(name);
    if (name.startsWith("lora_")) {
      return "kohya";
    }
    if (layer != null && layer.down() != null && layer.down().contains(".lora_A")) {
      return "PEFT" + (settings.values().isEmpty() ? ", without alpha" : "");
    }
    return "diffusers, old";
  }
}
