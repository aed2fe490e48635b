package dev.sfumato.checkpoint;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipTokenizer;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.nn.Weights;
import dev.sfumato.scheduler.SchedulerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The parts of a text-to-image model on disk, as diffusers' layout names them: {@code unet}, {@code
 * vae}, {@code text_encoder} and {@code tokenizer}, {@code scheduler}; XL has a second text encoder
 * and tokenizer, with the suffix {@code _2}.
 *
 * <p>Weights are read when they are asked for, one part at a time.
 */
public interface ModelParts extends AutoCloseable {
  /**
   * Opens a directory in diffusers' layout, or a file in the original layout.
   *
   * @throws SfumatoException if it is neither
   */
  static ModelParts of(Path path, ReadingOptions options) {
    return Files.isDirectory(path)
        ? new ModelDirectory(path, options)
        : SingleFile.open(path, options);
  }

  /** Returns the directory or file, for error messages. */
  Path source();

  /** Returns the content of {@code model_index.json}. */
  Map<String, Object> index();

  /** Returns the settings of the noise and the scheduler. */
  SchedulerConfig scheduler();

  /** Returns the shape of the U-Net. */
  UNet2DConditionConfig unet();

  /** Returns the shape of the autoencoder. */
  AutoencoderKLConfig autoencoder();

  /** Returns the content of the {@code config.json} of {@code text_encoder} with {@code suffix}. */
  Map<String, Object> textEncoder(String suffix);

  /** Returns the tokenizer with {@code suffix}. */
  ClipTokenizer tokenizer(String suffix);

  /**
   * Returns the weights of {@code unet}, {@code vae}, {@code safety_checker} or a text encoder by
   * the names of diffusers or transformers, in the current scope.
   *
   * @throws SfumatoException naming the part if it is missing
   */
  Weights weights(String part);

  /** Frees what was read. */
  @Override
  void close();
}
