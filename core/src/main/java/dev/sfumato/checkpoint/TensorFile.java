package dev.sfumato.checkpoint;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.GitLfs;
import dev.sfumato.nn.Weights;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.tensor.TensorInfo;
import dev.sfumato.tensor.TorchCheckpoint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/**
 * A file of named tensors. A safetensors file is mapped anew for each part that is asked for, so
 * the memory of a part that was used is given back; a PyTorch checkpoint is read whole.
 */
final class TensorFile implements AutoCloseable {
  private static final String STEP = "global_step";

  private final Path path;
  private final Map<String, String> metadata;
  private final Map<String, List<Long>> shapes;
  private final Map<String, Tensor> read = new LinkedHashMap<>();

  private TensorFile(Path path) {
    this.path = path;
    if (isSafetensors()) {
      Safetensors opened = Safetensors.open(path);
      metadata = opened.metadata();
      shapes =
          opened.describe().stream()
              .collect(
                  Collectors.toMap(
                      TensorInfo::name, TensorInfo::shape, (a, b) -> a, LinkedHashMap::new));
    } else {
      metadata = Map.of();
      try (Scope scope = Scope.open()) {
        Weights.of(path).tensors().forEach((name, t) -> read.put(name, Scope.release(t)));
      }
      shapes = shapesOf(read);
    }
  }

  /**
   * Opens a file.
   *
   * @throws SfumatoException if it is missing, damaged, or wants to run code
   */
  static TensorFile open(Path path) {
    if (!Files.exists(path)) {
      throw new SfumatoException(path + ": there is no such file");
    }
    GitLfs.requireContent(path);
    return new TensorFile(path);
  }

  static Map<String, List<Long>> shapesOf(Map<String, Tensor> weights) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    weights.forEach(
        (name, weight) -> shapes.put(name, Arrays.stream(weight.shape()).boxed().toList()));
    return shapes;
  }

  private boolean isSafetensors() {
    return path.toString().endsWith(".safetensors");
  }

  Path path() {
    return path;
  }

  /** Returns the texts in the header. */
  Map<String, String> metadata() {
    return metadata;
  }

  /** Returns the shape of each tensor, in the order of the file. */
  Map<String, List<Long>> shapes() {
    return shapes;
  }

  /** Returns the shapes of the tensors whose names start with {@code start}, without it. */
  Map<String, List<Long>> shapesBelow(String start) {
    return below(start, shapes);
  }

  /** Returns the tensors whose names start with {@code start}, without it, in this scope. */
  Map<String, Tensor> tensorsBelow(String start) {
    return below(start, tensors());
  }

  /** Returns all tensors, in the current scope. */
  Map<String, Tensor> tensors() {
    if (isSafetensors()) {
      return Weights.of(path).tensors();
    }
    Map<String, Tensor> views = new LinkedHashMap<>();
    read.forEach((name, tensor) -> views.put(name, tensor.detach()));
    return views;
  }

  private static <T> Map<String, T> below(String start, Map<String, T> all) {
    Map<String, T> below = new LinkedHashMap<>();
    all.forEach(
        (name, value) -> {
          if (name.startsWith(start)) {
            below.put(name.substring(start.length()), value);
          }
        });
    return below;
  }

  /** Returns the number of steps of the training, if the file has it. */
  OptionalLong globalStep() {
    if (!shapes.containsKey(STEP)) {
      return isSafetensors() ? OptionalLong.empty() : TorchCheckpoint.number(path, STEP);
    }
    try (Scope scope = Scope.open()) {
      return OptionalLong.of((long) tensors().get(STEP).reshape(-1).item());
    }
  }

  @Override
  public void close() {
    read.values().forEach(Tensor::close);
  }
}
