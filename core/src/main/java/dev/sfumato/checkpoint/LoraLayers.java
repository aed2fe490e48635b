package dev.sfumato.checkpoint;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Adapter;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The layers that a LoRA changes, with their adapters. */
public final class LoraLayers implements AutoCloseable {
  private final List<Layer> layers;
  private final String baseVersion;

  /** A layer and what changes it. */
  record Layer(LoraTargets.Target target, Adapter adapter) {}

  LoraLayers(List<Layer> layers, String baseVersion) {
    this.layers = layers;
    this.baseVersion = baseVersion;
  }

  /**
   * Puts new adapters beside the weights of a model, to be trained: "up" is 0, "down" is normally
   * distributed with a standard deviation of 1 / r, drawn layer by layer in the order of their
   * names.
   *
   * @param texts whether the text encoders get adapters, too
   * @param seed of the generator that draws
   * @throws InvalidOptionException if a target means no layer
   */
  public static LoraLayers start(
      LoraTargets targets, LoraOptions options, boolean texts, long seed) {
    List<LoraTargets.Target> chosen = targets.chosen(options, texts);
    List<Layer> layers = new ArrayList<>();
    try (Scope scope = Scope.open();
        Rng random = new Rng(seed)) {
      double rate = options.alpha() / options.rank();
      for (LoraTargets.Target target : chosen) {
        Tensor down = random.normal(options.rank(), target.weight().in()).div(options.rank());
        Tensor up = Tensor.zeros(target.weight().out(), options.rank());
        Adapter adapter =
            target.weight().adapt(up.to(target.device()), down.to(target.device()), rate, 1);
        adapter.train(options.dropout());
        layers.add(new Layer(target, adapter));
      }
    }
    return new LoraLayers(layers, targets.version());
  }

  /**
   * Puts the adapters that a file of {@link #save} holds beside the weights of a model, to be
   * trained further.
   *
   * @throws SfumatoException if they have another shape than {@code options} say
   */
  public static LoraLayers resume(
      LoraTargets targets, LoraOptions options, boolean texts, Path file) {
    List<LoraTargets.Target> chosen = targets.chosen(options, texts);
    LoraLayers read = LoraFile.open(file).adapt(targets, 1);
    try {
      read.requireLike(options, chosen, file);
    } catch (RuntimeException e) {
      read.close();
      throw e;
    }
    read.layers.forEach(layer -> layer.adapter.train(options.dropout()));
    return read;
  }

  private void requireLike(LoraOptions options, List<LoraTargets.Target> chosen, Path file) {
    Layer first = layers.get(0);
    long rank = first.adapter.rank();
    double alpha = first.adapter.rate() * rank;
    if (rank != options.rank() || Math.abs(alpha - options.alpha()) > 1e-6 * alpha) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s has rank %d and alpha %s, but `loraRank` is %d and `loraAlpha` %s: go on with"
                  + " the same ones, or start anew in another `output`",
              file,
              rank,
              number(alpha),
              options.rank(),
              number(options.alpha())));
    }
    Set<LoraTargets.Target> changed =
        layers.stream().map(Layer::target).collect(Collectors.toSet());
    if (!changed.equals(Set.copyOf(chosen))) {
      throw new SfumatoException(
          file
              + " changes other layers: go on with the same `loraTargets` and `trainTextEncoder`,"
              + " or start anew in another `output`");
    }
  }

  private static String number(double value) {
    return value == Math.rint(value) ? String.valueOf((long) value) : String.valueOf(value);
  }

  /** Returns the number of layers. */
  public int size() {
    return layers.size();
  }

  /** Returns the adapters. */
  List<Adapter> adapters() {
    return layers.stream().map(Layer::adapter).toList();
  }

  /** Sets the factor of all changes. */
  public void scale(double scale) {
    layers.forEach(layer -> layer.adapter.scale(scale));
  }

  /** Adds the changes to the weights for good. */
  void merge() {
    layers.forEach(layer -> layer.adapter.merge());
  }

  /** Writes a {@code .safetensors} file that {@link LoraFile} reads. */
  public void save(Path file, LoraFormat format) {
    new LoraWriter(layers, baseVersion).write(file, format);
  }

  /** Returns the norm of each layer's change, by the layer's name. */
  public Map<String, Double> norms() {
    Map<String, Double> norms = new TreeMap<>();
    try (Scope scope = Scope.open()) {
      layers.forEach(layer -> norms.put(layer.target.name(), layer.adapter.changeNorm()));
    }
    return norms;
  }

  /** Removes the adapters. */
  @Override
  public void close() {
    layers.forEach(layer -> layer.adapter.close());
  }
}
