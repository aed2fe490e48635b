package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The inputs of a network besides the noisy sample and the timestep. Immutable; it does not own its
 * tensors.
 *
 * <p>Each part has B rows, one for each sample, or a single row for all.
 */
public final class Condition {
  /** A condition without parts. */
  public static final Condition NONE = new Condition(Map.of(), List.of());

  private enum Part {
    LABELS,
    TOKENS,
    VECTOR,
    SIZES,
    GUIDANCE,
    CHANNELS
  }

  private final Map<Part, Tensor> parts;
  private final List<Tensor> memory;

  private Condition(Map<Part, Tensor> parts, List<Tensor> memory) {
    this.parts = parts;
    this.memory = List.copyOf(memory);
  }

  /** Classes (B) int64; {@link ClassConditioning#NO_CLASS} for no class in particular. */
  public Optional<Tensor> labels() {
    return part(Part.LABELS);
  }

  /** Context for cross attention, such as the states of a text encoder (B, N, D). */
  public Optional<Tensor> tokens() {
    return part(Part.TOKENS);
  }

  /** A vector for the whole sample, such as the pooled text or a picture's embedding (B, D). */
  public Optional<Tensor> vector() {
    return part(Part.VECTOR);
  }

  /** Numbers that describe the size (B, 5 or 6): Stable Diffusion XL's {@code time_ids}. */
  public Optional<Tensor> sizes() {
    return part(Part.SIZES);
  }

  /** The embedded scale of a guidance that was distilled into the network (B, D). */
  public Optional<Tensor> guidance() {
    return part(Part.GUIDANCE);
  }

  /**
   * Results that a network computed earlier from the tokens, each of B rows; empty if there are
   * none.
   */
  List<Tensor> memory() {
    return memory;
  }

  /** Further input channels (B, C, H, W): a mask and a masked picture, or a small picture. */
  public Optional<Tensor> channels() {
    return part(Part.CHANNELS);
  }

  /** Makes a condition of classes alone, (B) int64. */
  public static Condition ofLabels(Tensor labels) {
    return NONE.withLabels(labels);
  }

  /** Returns the same condition with these {@link #labels()}. */
  public Condition withLabels(Tensor labels) {
    return with(Part.LABELS, labels, 1);
  }

  /** Returns the same condition with these {@link #tokens()}. */
  public Condition withTokens(Tensor tokens) {
    return with(Part.TOKENS, tokens, 3);
  }

  /** Returns the same condition with this {@link #vector()}. */
  public Condition withVector(Tensor vector) {
    return with(Part.VECTOR, vector, 2);
  }

  /** Returns the same condition with these {@link #sizes()}. */
  public Condition withSizes(Tensor sizes) {
    return with(Part.SIZES, sizes, 2);
  }

  /** Returns the same condition with this {@link #guidance()}. */
  public Condition withGuidance(Tensor guidance) {
    return with(Part.GUIDANCE, guidance, 2);
  }

  /** Returns the same condition with this {@link #memory()}. */
  Condition withMemory(List<Tensor> memory) {
    return new Condition(parts, memory);
  }

  /** Returns the same condition with these {@link #channels()}. */
  public Condition withChannels(Tensor channels) {
    return with(Part.CHANNELS, channels, 4);
  }

  /**
   * Returns the condition of {@code count} samples, starting at {@code from}. A part with a single
   * row is repeated without a copy. The rows belong to the current scope, but a part of just these
   * rows stays as it is: what is computed again in a backward pass reads it after its scope.
   */
  public Condition rows(long from, long count) {
    return map(part -> rows(part, from, count));
  }

  private static Tensor rows(Tensor part, long from, long count) {
    if (part.size(0) == count && from == 0) {
      return part;
    }
    if (part.size(0) != 1) {
      return part.narrow(0, from, count);
    }
    long[] shape = part.shape();
    shape[0] = count;
    return part.expand(shape);
  }

  /** Returns the condition on {@code device}; copies belong to the current scope. */
  public Condition to(Device device) {
    return map(part -> part.to(device));
  }

  /** Makes all tensors of the condition that {@code scope} owns outlive it. */
  public void keep(Scope scope) {
    parts.values().forEach(scope::keep);
    memory.forEach(scope::keep);
  }

  /**
   * This condition's rows and then those of {@code other}.
   *
   * @return empty if the two have different parts or parts of different shapes
   */
  public Optional<Condition> followedBy(Condition other) {
    boolean alike =
        parts.keySet().equals(other.parts.keySet())
            && memory.size() == other.memory.size()
            && parts.entrySet().stream()
                .allMatch(part -> sameShape(part.getValue(), other.parts.get(part.getKey())));
    if (!alike) {
      return Optional.empty();
    }
    Map<Part, Tensor> both = new EnumMap<>(Part.class);
    parts.forEach((part, rows) -> both.put(part, cat(rows, other.parts.get(part))));
    List<Tensor> memories = new ArrayList<>();
    for (int i = 0; i < memory.size(); i++) {
      memories.add(cat(memory.get(i), other.memory.get(i)));
    }
    return Optional.of(new Condition(both, memories));
  }

  private static boolean sameShape(Tensor a, Tensor b) {
    return Arrays.equals(a.shape(), b.shape());
  }

  private static Tensor cat(Tensor a, Tensor b) {
    return Tensor.cat(List.of(a, b), 0);
  }

  /** Applies {@code change} to the tensor of each part. */
  private Condition map(UnaryOperator<Tensor> change) {
    Map<Part, Tensor> changed = new EnumMap<>(Part.class);
    parts.forEach((part, tensor) -> changed.put(part, change.apply(tensor)));
    return new Condition(changed, memory.stream().map(change).toList());
  }

  private Optional<Tensor> part(Part part) {
    return Optional.ofNullable(parts.get(part));
  }

  private Condition with(Part part, Tensor tensor, int dimensions) {
    if (tensor.dim() != dimensions) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s must have %d dimensions, not the shape %s",
              part.name().toLowerCase(Locale.ROOT).replace('_', ' '),
              dimensions,
              Arrays.toString(tensor.shape())));
    }
    Map<Part, Tensor> more = new EnumMap<>(Part.class);
    more.putAll(parts);
    more.put(part, tensor);
    return new Condition(more, part == Part.TOKENS ? List.of() : memory);
  }
}
