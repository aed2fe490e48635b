package dev.sfumato.checkpoint;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Adapter;
import dev.sfumato.tensor.Machine;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
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
   * @throws InvalidOptionException if a target means no layer, or the rank needs more memory than
   *     the machine has
   */
  public static LoraLayers start(
      LoraTargets targets, LoraOptions options, boolean texts, long seed) {
    List<LoraTargets.Target> chosen = targets.chosen(options, texts);
    requireMemory(options.rank(), chosen);
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

  /** Requires that the machine can hold what learns. */
  private static void requireMemory(int rank, List<LoraTargets.Target> targets) {
    long sides = targets.stream().mapToLong(t -> t.weight().in() + t.weight().out()).sum();
    double bytes = 4.0 * Float.BYTES * rank * sides;
    if (bytes > Machine.memory()) {
      throw new InvalidOptionException(
          String.format(
              Locale.ROOT,
              "`loraRank` %d needs %,.0f GB for the matrices, their gradients and the averages of"
                  + " Adam, and this machine has %.0f: give a smaller one",
              rank,
              bytes / 1e9,
              Machine.memory() / 1e9));
    }
  }

  /**
   * Puts the adapters that a file holds beside the weights of a model, to be trained further.
   *
   * @param options the dropout; rank, alpha and layers, where they are set, must be the file's
   * @throws SfumatoException if the file does not fit the model or the options
   */
  public static LoraLayers train(LoraTargets targets, LoraOptions options, Path file) {
    LoraLayers read = LoraFile.open(file).adapt(targets, 1);
    try {
      read.requireLike(targets, options, file);
      read.layers.forEach(layer -> layer.adapter.train(options.dropout()));
      return read;
    } catch (RuntimeException e) {
      read.close();
      throw e;
    }
  }

  private void requireLike(LoraTargets targets, LoraOptions options, Path file) {
    List<String> contrary = new ArrayList<>();
    options
        .rankIfSet()
        .ifPresent(rank -> addUnless(ranks(), (long) rank, "`loraRank` " + rank, contrary));
    options
        .alphaIfSet()
        .ifPresent(
            alpha ->
                addUnless(alphas(), asStored(alpha), "`loraAlpha` " + number(alpha), contrary));
    if (!contrary.isEmpty()) {
      throw new SfumatoException(
          file
              + " has rank "
              + words(ranks())
              + " and alpha "
              + words(alphas())
              + ", not "
              + String.join(" and ", contrary)
              + ": leave the option out to go on with its own");
    }
    Set<LoraTargets.Target> changed =
        layers.stream().map(Layer::target).collect(Collectors.toSet());
    if (changed.size() < layers.size()) {
      throw new SfumatoException(file + ": names a layer twice, so it cannot learn on");
    }
    boolean others =
        options.targetsIfSet().isPresent()
            && !changed.equals(Set.copyOf(targets.chosen(options, changesTexts())));
    if (others) {
      throw new SfumatoException(
          file
              + " changes other layers than `loraTargets` names: leave the option out to go on with"
              + " its own");
    }
  }

  private static <T extends Number> void addUnless(
      Set<T> own, T asked, String option, List<String> contrary) {
    if (!own.equals(Set.of(asked))) {
      contrary.add(option);
    }
  }

  private static String words(Set<? extends Number> numbers) {
    return numbers.stream().map(n -> number(n.doubleValue())).collect(Collectors.joining(", "));
  }

  /** Returns the ranks of its layers, usually one, in their order. */
  public SortedSet<Long> ranks() {
    return layers.stream()
        .map(layer -> layer.adapter.rank())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** Returns the values of alpha of its layers, usually one, in their order. */
  public SortedSet<Double> alphas() {
    return layers.stream()
        .map(layer -> asStored(layer.adapter.rate() * layer.adapter.rank()))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /**
   * Returns the shortest number that is the same in single precision, in which files have alpha.
   */
  private static double asStored(double alpha) {
    return Double.parseDouble(Float.toString((float) alpha));
  }

  /** Returns whether it changes a text encoder. */
  public boolean changesTexts() {
    return layers.stream().anyMatch(layer -> !layer.target.part().equals("unet"));
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
