package dev.sfumato.checkpoint;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.AutoencoderTiny;
import dev.sfumato.model.AutoencoderTinyConfig;
import dev.sfumato.model.UNet2DModel;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Weights;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An autoencoder from files of its own: a directory with {@code config.json}, a model directory, a
 * file with the autoencoder alone in either spelling of names, or a whole model in one file.
 */
public final class AutoencoderFile {
  private AutoencoderFile() {}

  /**
   * Loads an autoencoder from a directory with {@code config.json}, or from a model directory.
   *
   * @throws SfumatoException if {@code directory} holds none
   */
  public static AutoencoderKL load(Path directory) {
    try (Scope scope = Scope.open()) {
      return filled(
          Weights.in(folder(directory), ModelFiles.UNET_WEIGHTS).renamed(UNet2DModel::modernNames),
          new AutoencoderKL(config(directory)));
    }
  }

  /**
   * Loads an autoencoder that replaces another.
   *
   * @param like the autoencoder that it replaces; a file without configuration has its factors
   * @throws SfumatoException if {@code path} holds none
   */
  public static AutoencoderKL load(Path path, AutoencoderKLConfig like) {
    return Files.isDirectory(path) ? load(path) : ofFile(path, like);
  }

  /**
   * Loads a small autoencoder (TAESD), whose weights are frozen.
   *
   * @param path a directory with {@code config.json}, or a model directory that has it as its
   *     {@code vae}
   * @throws SfumatoException if {@code path} holds none
   */
  public static AutoencoderTiny loadTiny(Path path) {
    Path folder = folder(path);
    AutoencoderTinyConfig config =
        JsonFile.read(folder.resolve("config.json"), AutoencoderTinyConfig.class);
    try (Scope scope = Scope.open()) {
      AutoencoderTiny autoencoder =
          filled(Weights.in(folder, ModelFiles.UNET_WEIGHTS), new AutoencoderTiny(config));
      autoencoder.trainable().forEach(weight -> weight.requiresGrad(false));
      return autoencoder;
    }
  }

  /** Reads the configuration of the autoencoder of {@link #load(Path)}, without its weights. */
  public static AutoencoderKLConfig config(Path directory) {
    return JsonFile.read(folder(directory).resolve("config.json"), AutoencoderKLConfig.class);
  }

  /**
   * Reads the configuration of the autoencoder of {@link #load(Path, AutoencoderKLConfig)}, without
   * its weights.
   */
  public static AutoencoderKLConfig config(Path path, AutoencoderKLConfig like) {
    if (Files.isDirectory(path)) {
      return config(path);
    }
    try (TensorFile file = TensorFile.open(path)) {
      return config(file, like);
    }
  }

  private static AutoencoderKLConfig config(TensorFile file, AutoencoderKLConfig like) {
    FileKind kind = FileKind.of(file.shapes());
    if (kind != FileKind.AUTOENCODER && kind != FileKind.MODEL) {
      throw new SfumatoException(
          file.path() + ": is not an autoencoder but holds: " + kind.title());
    }
    Map<String, List<Long>> shapes = file.shapesBelow(SingleFile.autoencoderStart(file));
    if (!isOriginal(shapes.keySet())) {
      return like;
    }
    Map<String, Object> keys = new HashMap<>(like.toJson());
    keys.putAll(new OriginalShapes(shapes, file.path().toString()).autoencoder());
    return AutoencoderKLConfig.of(keys);
  }

  private static boolean isOriginal(Set<String> names) {
    return names.stream().anyMatch(name -> name.startsWith("encoder.down."));
  }

  private static Path folder(Path path) {
    return Files.isDirectory(path.resolve("vae")) ? path.resolve("vae") : path;
  }

  private static AutoencoderKL ofFile(Path path, AutoencoderKLConfig like) {
    try (TensorFile file = TensorFile.open(path);
        Scope scope = Scope.open()) {
      AutoencoderKLConfig config = config(file, like);
      Map<String, Tensor> weights =
          SingleFile.autoencoderWeights(file.tensorsBelow(SingleFile.autoencoderStart(file)));
      Map<String, Tensor> named =
          isOriginal(weights.keySet())
              ? OriginalNames.matrices(
                  Renaming.apply(OriginalNames.autoencoder(config)::diffusers, weights))
              : UNet2DModel.modernNames(weights);
      return filled(new Weights(path.toString(), named), new AutoencoderKL(config));
    }
  }

  /** Fills an autoencoder, which is freed if that fails; it is made after the weights are there. */
  private static <T extends Module> T filled(Weights weights, T autoencoder) {
    try {
      autoencoder.load(weights);
      return autoencoder;
    } catch (RuntimeException e) {
      autoencoder.close();
      throw e;
    }
  }
}
