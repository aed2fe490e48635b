package dev.sfumato.nn;

import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.GradientCheckpoint;
import dev.sfumato.tensor.Machine;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * A part of a neural network.
 *
 * <p>Fields are the schema: a field of type {@link Tensor} or {@link ExtendedParameter} is a
 * parameter, one of type {@code Module} or {@code List} of modules holds children. Names are the
 * fields' in snake_case, joined by dots, list entries by their index; {@link Name} covers the
 * irregular ones; null fields are absent. So {@code resnets.0.time_emb_proj.weight} is the field
 * {@code weight} of {@code timeEmbProj} of the first entry of {@code resnets}.
 */
public abstract class Module implements AutoCloseable {
  private Rng dropoutRandom;
  private boolean checkpointing;
  private Precision precision = Precision.FP32;
  private boolean halved;

  /**
   * Makes a parameter of the given shape that wants gradients; {@link #reset} or a checkpoint fills
   * it. Before that it takes no memory, and its elements cannot be set.
   */
  protected static Tensor parameter(long... shape) {
    try (Scope scope = Scope.open()) {
      // Of what the engine knows as a view, it would make a half copy in each pass.
      Tensor plain = Tensor.zeros().expand(shape).detach();
      return Scope.release(plain).requiresGrad(true);
    }
  }

  /** Makes a tensor that belongs to the checkpoint but is not trained. */
  protected static Tensor buffer(long... shape) {
    return Scope.release(Tensor.empty(shape));
  }

  /** Fills this module's own parameters with start values; by default it has none. */
  protected void resetOwn(Rng rng) {}

  /** Fills all parameters with PyTorch's default start values, drawn from {@code rng}. */
  public final Module reset(Rng rng) {
    try (Scope scope = Scope.open()) {
      parameters().values().forEach(p -> p.share_(Tensor.empty(p.shape()).to(p.device())));
    }
    visit("", (path, module) -> module.resetOwn(rng));
    return this;
  }

  /**
   * Returns all parameters and buffers by their name in a checkpoint, in the order of the fields.
   */
  public final Map<String, Tensor> parameters() {
    Map<String, Tensor> found = new LinkedHashMap<>();
    visit(
        "",
        (path, module) ->
            module.eachField(
                (name, value) -> {
                  if (value instanceof Tensor tensor) {
                    found.put(path + name, tensor);
                  } else if (value instanceof ExtendedParameter extended) {
                    found.put(path + name, extended.parameter());
                  }
                }));
    return Collections.unmodifiableMap(found);
  }

  /** Returns the parameters that adapters can change by their names, in the order of the fields. */
  public final Map<String, AdaptedWeight> adaptedWeights() {
    return fields(AdaptedWeight.class);
  }

  private Map<String, ExtendedParameter> extended() {
    return fields(ExtendedParameter.class);
  }

  private <T> Map<String, T> fields(Class<T> type) {
    Map<String, T> found = new LinkedHashMap<>();
    visit(
        "",
        (path, module) ->
            module.eachField(
                (name, value) -> {
                  if (type.isInstance(value)) {
                    found.put(path + name, type.cast(value));
                  }
                }));
    return found;
  }

  /** Takes over the adapters of a module with the same adapted weights. */
  public final void takeAdapters(Module other) {
    Map<String, AdaptedWeight> theirs = other.adaptedWeights();
    adaptedWeights().forEach((name, weight) -> weight.takeAdapters(theirs.get(name)));
  }

  /** Returns the parameters, and what learns beside them, that want gradients. */
  public final List<Tensor> trainable() {
    return List.copyOf(trainableByName().values());
  }

  /**
   * Returns by name what wants gradients: the parameters in the order of the fields, then what
   * learns beside them, such as the matrices of adapters.
   */
  public final Map<String, Tensor> trainableByName() {
    Map<String, Tensor> trainable = new LinkedHashMap<>(parameters());
    trainable.values().removeIf(parameter -> !parameter.requiresGrad());
    trainable.putAll(trainedBeside());
    return trainable;
  }

  /** Returns by name what learns beside the parameters, such as the matrices of adapters. */
  public final Map<String, Tensor> trainedBeside() {
    Map<String, Tensor> trained = new LinkedHashMap<>();
    extended().forEach((name, parameter) -> trained.putAll(parameter.trained(name)));
    return trained;
  }

  /** Returns the device that holds the parameters. */
  public final Device device() {
    return parameters().values().iterator().next().device();
  }

  /**
   * Loads the weights of a checkpoint, converted to float32; those of {@link AdaptedWeight} may
   * stay in half precision. Prefixes that {@code torch.compile} or distributed training add to
   * names are ignored.
   *
   * @param weights tensors by name; those that are not converted are shared, not copied
   * @throws dev.sfumato.SfumatoException naming missing, unexpected and wrongly shaped weights, or
   *     one that is not finite; the parameters then stay unchanged
   */
  public final void load(Weights weights) {
    boolean keeps = precision == Precision.FP32 && device().isCpu();
    load(weights, type -> keeps && type.isHalf() ? type : DType.FLOAT32);
  }

  /**
   * Loads weights to compute in {@code precision}. In half precision the matrices of convolutions
   * and linear layers are kept in its type, which takes half of the memory; this module then
   * computes in it alone, and its outputs are those of float32 weights.
   */
  public final void load(Weights weights, Precision precision) {
    if (precision == Precision.FP32) {
      load(weights);
    } else {
      load(weights, type -> precision.type());
      halved = true;
    }
    precision(precision);
  }

  private void load(Weights weights, UnaryOperator<DType> matrices) {
    StateDict.load(parameters(), adaptedWeights().keySet(), matrices, weights);
  }

  /** Loads weights that come from no single file; {@code source} names them in errors. */
  public final void load(Map<String, Tensor> weights, String source) {
    load(new Weights(source, weights));
  }

  /** Converts parameters in half precision that want gradients to float32, so that they learn. */
  public final void widenLearning() {
    adaptedWeights().values().stream()
        .filter(weight -> weight.parameter().requiresGrad())
        .forEach(AdaptedWeight::widen);
  }

  /**
   * Converts parameters in half precision to float32 if they then take at most a quarter of the
   * machine's memory. That is exact, and makes what is computed many times faster.
   */
  public final void widenWithinMemory() {
    List<Tensor> halves = parameters().values().stream().filter(p -> p.dtype().isHalf()).toList();
    if (!halved && !halves.isEmpty()) {
      widenWithin(Machine.memory() / 4);
    }
  }

  /** Converts them if all parameters then take at most {@code bytes}. */
  final void widenWithin(long bytes) {
    long numel = parameters().values().stream().mapToLong(Tensor::numel).sum();
    if (numel * DType.FLOAT32.bytes() <= bytes) {
      widen();
    }
  }

  private void widen() {
    adaptedWeights().values().forEach(AdaptedWeight::widen);
  }

  /**
   * Moves all parameters, and what is beside them, to {@code device}. On a card weights in half
   * precision become float32, unless they were loaded to compute in half precision.
   */
  public final void to(Device device) {
    try (Scope scope = Scope.open()) {
      parameters().values().forEach(p -> p.share_(Scope.run(() -> placed(p, device))));
      extended().values().forEach(parameter -> parameter.to(device));
    }
  }

  /** Returns a parameter's elements on {@code device}, which converts them: the host keeps none. */
  final Tensor placed(Tensor parameter, Device device) {
    Tensor there = parameter.detach().to(device);
    boolean widened = !device.isCpu() && !halved && there.dtype().isHalf();
    return widened ? there.to(DType.FLOAT32) : there;
  }

  /** Returns whether matrices are kept in half precision, so that it computes in that alone. */
  public final boolean isHalved() {
    return halved;
  }

  /** Sets the arithmetic of this module from now on; the default is fp32. */
  public final void precision(Precision precision) {
    visit("", (path, module) -> module.precision = precision);
    if (precision != Precision.FP32
        && !halved) { // whose copies of the weights are kept from step to step
      widen();
    }
  }

  /** The arithmetic in which this module computes. */
  public final Precision precision() {
    return precision;
  }

  /** Returns whether this module, or one inside it, computes in {@code precision}. */
  public final boolean computesIn(Precision precision) {
    List<Module> found = new ArrayList<>();
    visit("", (path, module) -> found.add(module));
    return found.stream().anyMatch(module -> module.precision == precision);
  }

  /** Switches dropout on; {@code dropoutRandom} draws its masks. */
  public final void train(Rng dropoutRandom) {
    visit("", (path, module) -> module.dropoutRandom = dropoutRandom);
  }

  /** Switches dropout off; the state of a new module. */
  public final void eval() {
    train(null);
  }

  /**
   * In training, zeroes each element of {@code x} with probability {@code p} and scales the rest.
   */
  protected final Tensor dropout(Tensor x, double p) {
    if (dropoutRandom == null || p == 0) {
      return x;
    }
    Tensor dropped = dropoutRandom.uniform(x.device(), x.shape()).lessThan(p);
    return Tensor.zeros(x.device()).where(dropped, x.div(1 - p));
  }

  /**
   * Switches gradient checkpointing: large layers keep only their inputs and are computed again in
   * the backward pass. The output is the same, and so are the gradients except for rounding; it
   * saves memory and costs time.
   */
  public final void checkpointing(boolean on) {
    visit("", (path, module) -> module.checkpointing = on);
  }

  /**
   * Returns {@code layer} of {@code inputs}, computed again in the backward pass if checkpointing
   * is on.
   */
  protected final Tensor checkpointed(Function<List<Tensor>, Tensor> layer, Tensor... inputs) {
    return checkpointing
            && (Stream.of(inputs).anyMatch(Tensor::requiresGrad) || !trainable().isEmpty())
        ? GradientCheckpoint.of(layer, List.of(inputs), Optional.ofNullable(dropoutRandom))
        : layer.apply(List.of(inputs));
  }

  /**
   * Returns the modules of {@code type} among this module and all below it, in the order of the
   * fields.
   */
  protected final <T extends Module> List<T> parts(Class<T> type) {
    List<T> found = new ArrayList<>();
    visit(
        "",
        (path, module) -> {
          if (type.isInstance(module)) {
            found.add(type.cast(module));
          }
        });
    return found;
  }

  /** Frees all parameters, and what is beside them. */
  @Override
  public void close() {
    extended().values().forEach(ExtendedParameter::close);
    parameters().values().forEach(Tensor::close);
  }

  private void visit(String path, BiConsumer<String, Module> visitor) {
    visitor.accept(path, this);
    eachField(
        (name, value) -> {
          if (value instanceof Module child) {
            child.visit(name.isEmpty() ? path : path + name + ".", visitor);
          } else if (value instanceof List<?> children) {
            for (int i = 0; i < children.size(); i++) {
              if (children.get(i) instanceof Module child) {
                child.visit(path + name + "." + i + ".", visitor);
              }
            }
          }
        });
  }

  private void eachField(BiConsumer<String, Object> visitor) {
    Deque<Class<?>> fromTheTop = new ArrayDeque<>();
    for (Class<?> c = getClass(); c != Module.class; c = c.getSuperclass()) {
      fromTheTop.push(c);
    }
    for (Class<?> c : fromTheTop) {
      for (Field field : c.getDeclaredFields()) {
        Object value = Modifier.isStatic(field.getModifiers()) ? null : valueOf(field);
        if (value != null) {
          visitor.accept(nameOf(field), value);
        }
      }
    }
  }

  private Object valueOf(Field field) {
    try {
      field.setAccessible(true);
      return field.get(this);
    } catch (IllegalAccessException e) {
      throw new AssertionError(e);
    }
  }

  private static String nameOf(Field field) {
    Name name = field.getAnnotation(Name.class);
    return name != null
        ? name.value()
        : field.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }
}
