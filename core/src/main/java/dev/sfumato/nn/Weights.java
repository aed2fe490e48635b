package dev.sfumato.nn;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.io.GitLfs;
import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.tensor.TorchCheckpoint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/**
 * The weights of a network as they lie on disk: safetensors or a PyTorch checkpoint, in one file or
 * in several that an index lists.
 *
 * <pre>{@code
 * network.load(Weights.in(directory.resolve("vae"), "diffusion_pytorch_model"));
 * }</pre>
 *
 * @param source the file, for error messages
 * @param tensors by name, on the CPU; they belong to the scope in which they were read
 */
public record Weights(String source, Map<String, Tensor> tensors) {
  /**
   * Reads the weights in {@code folder}, the first that there are of {@link ModelFiles#weights}.
   *
   * @param stem how their names begin, such as {@code diffusion_pytorch_model}
   * @throws SfumatoException naming the file that is missing or damaged
   */
  public static Weights in(Path folder, String stem) {
    List<Path> files = ModelFiles.weights(stem).stream().map(folder::resolve).toList();
    return of(files.stream().filter(Files::exists).findFirst().orElse(files.get(0)));
  }

  /**
   * Reads one file, or all files of an index.
   *
   * @throws SfumatoException naming the file that is missing or damaged
   */
  public static Weights of(Path file) {
    String name = file.getFileName().toString();
    if (name.endsWith(".json") && name.contains(".index.")) {
      return new Weights(file.toString(), shards(file));
    }
    GitLfs.requireContent(file);
    return new Weights(
        file.toString(),
        name.endsWith(".safetensors")
            ? Safetensors.open(file).tensors()
            : TorchCheckpoint.read(file));
  }

  /** The same under other names. */
  public Weights renamed(UnaryOperator<Map<String, Tensor>> names) {
    return new Weights(source, names.apply(tensors));
  }

  /** {@code {"weight_map": {NAME: FILE}}}; the files lie beside the index. */
  private static Map<String, Tensor> shards(Path index) {
    if (!(JsonFile.read(index, Map.class).get("weight_map") instanceof Map<?, ?> places)) {
      throw new SfumatoException(index + ": weight_map is missing: it is no index of weights");
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (String shard : new TreeSet<>(places.values().stream().map(String::valueOf).toList())) {
      if (!shard.matches("[\\w.-]+") || shard.endsWith(".json")) {
        throw new SfumatoException(index + ": '" + shard + "' is no name of a weights file");
      }
      of(index.resolveSibling(shard))
          .tensors
          .forEach(
              (name, tensor) -> {
                if (!shard.equals(places.get(name)) || tensors.put(name, tensor) != null) {
                  throw new SfumatoException(
                      index + ": says something else of '" + name + "' than " + shard);
                }
              });
    }
    for (Object name : places.keySet()) {
      if (!tensors.containsKey(name.toString())) {
        throw new SfumatoException(
            index + ": '" + name + "' is not in " + places.get(name) + ": download both again");
      }
    }
    return tensors;
  }
}
