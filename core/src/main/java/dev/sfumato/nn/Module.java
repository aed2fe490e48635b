package dev.sfumato.nn;

import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.GradientCheckpoint;
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
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A part of a neural network.
 *
 * <p>Fields are the schema: a field of type {@link Tensor} is a parameter, one of type {@code
 * Module} or {@code List} of modules holds children. Names are the fields' in snake_case, joined by
 * dots, list entries by their index; {@link Name} covers the irregular ones and null is absent. So
 * {@code resnets.0.time_emb_proj.weight} is the field {@code weight} of {@code timeEmbProj} of the
 * first entry of {@code resnets}.
 */
public abstract class Module implements AutoCloseable {
  private Rng dropoutRandom;
  private boolean checkpointing;
  private Precision precision = Precision.FP32;

  /**
   * A parameter of the given shape that wants gradients; {@link #reset} or a checkpoint fills it.
   */
  protected static Tensor parameter(long... shape) {
    return Scope.release(Tensor.empty(shape)).requiresGrad(true);
  }

  /** A tensor that belongs to the checkpoint but is not trained. */
  protected static Tensor buffer(long... shape) {
    return Scope.release(Tensor.empty(shape));
  }

  /** Fills this module's own parameters with start values; the default has none to fill. */
  protected void resetOwn(Rng rng) {}

  /** Fills all parameters with PyTorch's default start values, drawn from {@code rng}. */
  public final Module reset(Rng rng) {
    visit("", (path, module) -> module.resetOwn(rng));
    return this;
  }

  /** All parameters and buffers by their name in a checkpoint, in the order of the fields. */
  public final Map<String, Tensor> parameters() {
    Map<String, Tensor> found = new LinkedHashMap<>();
    visit(
        "",
        (path, module) ->
            module.eachField(
                (name, value) -> {
                  if (value instanceof Tensor tensor) {
                    found.put(path + name, tensor);
                  }
                }));
    return Collections.unmodifiableMap(found);
  }

  /** The parameters that want gradients, in the order of the fields. */
  public final List<Tensor> trainable() {
    return List.copyOf(trainableByName().values());
  }

  /** The parameters that want gradients by name, in the order of the fields. */
  public final Map<String, Tensor> trainableByName() {
    Map<String, Tensor> trainable = new LinkedHashMap<>(parameters());
    trainable.values().removeIf(parameter -> !parameter.requiresGrad());
    return trainable;
  }

  /** Where the parameters are. */
  public final Device device() {
    return parameters().values().iterator().next().device();
  }

  /**
   * Takes over the weights of a checkpoint, converted to float32. Names that {@code torch.compile}
   * or distributed training put in front are passed over.
   *
   * @param weights tensors that are float32 already are shared, not copied
   * @throws dev.sfumato.SfumatoException naming missing, unexpected and wrongly shaped weights, or
   *     one that is not finite; the parameters are then as they were
   */
  public final void load(Weights weights) {
    StateDict.load(parameters(), weights.tensors(), weights.source());
  }

  /** The same for weights that do not lie in a file of their own; {@code source} names them. */
  public final void load(Map<String, Tensor> weights, String source) {
    load(new Weights(source, weights));
  }

  /** Moves all parameters to {@code device}. */
  public final void to(Device device) {
    try (Scope scope = Scope.open()) {
      parameters().values().forEach(p -> p.share_(p.detach().to(device)));
    }
  }

  /** Says in which arithmetic this module computes from now on; fp32 unless told otherwise. */
  public final void precision(Precision precision) {
    visit("", (path, module) -> module.precision = precision);
  }

  /** The arithmetic in which this module computes. */
  public final Precision precision() {
    return precision;
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
   * {@code x} with each element zeroed with probability {@code p} and the rest scaled, in training.
   */
  protected final Tensor dropout(Tensor x, double p) {
    if (dropoutRandom == null || p == 0) {
      return x;
    }
    Tensor dropped = dropoutRandom.uniform(x.shape()).to(x.device()).lessThan(p);
    return Tensor.zeros().to(x.device()).where(dropped, x.div(1 - p));
  }

  /**
   * Switches gradient checkpointing: layers that are large keep their inputs only and are computed
   * again in the backward pass: the same output and, but for rounding, the same gradients, for less
   * memory and more time.
   */
  public final void checkpointing(boolean on) {
    visit("", (path, module) -> module.checkpointing = on);
  }

  /**
   * {@code layer} of {@code inputs}, computed again in the backward pass if that is switched on.
   */
  protected final Tensor checkpointed(Function<List<Tensor>, Tensor> layer, Tensor... inputs) {
    return checkpointing
            && (Stream.of(inputs).anyMatch(Tensor::requiresGrad) || !trainable().isEmpty())
        ? GradientCheckpoint.of(layer, List.of(inputs), Optional.ofNullable(dropoutRandom))
        : layer.apply(List.of(inputs));
  }

  /** This module and all below it that are of {@code type}, in the order of the fields. */
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

  /** Frees all parameters. */
  @Override
  public void close() {
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
        : field.getName().replaceAll("([A-Z])", "_$1").toLowerCase(java.util.Locale.ROOT);
  }
}
