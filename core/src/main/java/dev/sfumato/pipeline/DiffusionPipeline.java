package dev.sfumato.pipeline;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.model.Denoiser;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.nn.Module;
import dev.sfumato.picture.Pictures;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A model that draws: a network, the space of its samples, and the settings of a scheduler.
 *
 * <pre>{@code
 * try (DiffusionPipeline pipeline = DiffusionPipeline.load("models/mnist")) {
 *   List<BufferedImage> digits = pipeline.draw(SamplingOptions.defaults().withCount(2).withLabels(3, 7));
 * }
 * }</pre>
 *
 * <p>Any number of threads may draw from one pipeline at once and get the pictures that each would
 * get alone. {@link #to}, {@link #precision}, {@link #checkpointing} and {@link #close} must not be
 * called while a thread draws, and training changes the weights that others would use.
 *
 * <p>Each kind of model defines its conditions and its samples; the loop is the same for all.
 */
public interface DiffusionPipeline extends AutoCloseable {
  /**
   * Loads a model by its directory or Hub id.
   *
   * @param directoryOrId a directory, or otherwise a Hub id, {@code org/name} or {@code
   *     org/name@revision}, which is downloaded once
   * @throws SfumatoException if it is neither, or does not load
   */
  static DiffusionPipeline load(String directoryOrId) {
    return load(directoryOrId, LoadingOptions.DEFAULT);
  }

  /**
   * Loads a model by its directory or Hub id, with choices that its files leave.
   *
   * @param directoryOrId as in {@link #load(String)}
   * @throws SfumatoException if it is neither, or does not load
   */
  static DiffusionPipeline load(String directoryOrId, LoadingOptions options) {
    return load(PipelineFiles.locate(directoryOrId, options), options);
  }

  /**
   * Loads a model directory of the kind that its {@code model_index.json} names, or a Stable
   * Diffusion in one {@code .safetensors} or {@code .ckpt} file.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  static DiffusionPipeline load(Path path) {
    return load(path, LoadingOptions.DEFAULT);
  }

  /**
   * Loads a model with choices that its files leave.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  static DiffusionPipeline load(Path path, LoadingOptions options) {
    if (StableDiffusionPipeline.isIn(path)) {
      return StableDiffusionPipeline.load(path, options);
    }
    options.requireNone();
    DiffusionPipeline pipeline = PixelPipeline.load(path);
    pipeline.precision(options.precision());
    return pipeline;
  }

  /** Returns the network. */
  Denoiser denoiser();

  /** Returns the same network as the module that training changes. */
  Module network();

  /** Returns the settings of the noise and of the scheduler. */
  SchedulerConfig scheduler();

  /** Returns the settings of the scheduler that {@code options} ask for. */
  default SchedulerConfig scheduler(SamplingOptions options) {
    return options.scheduler(scheduler());
  }

  /** Returns the mapping between pictures and the network's samples. */
  default PictureSpace space() {
    return PictureSpace.PIXELS;
  }

  /** Returns the mapping as {@code options} ask for it, such as one that works in tiles. */
  default PictureSpace space(SamplingOptions options) {
    return space();
  }

  /** Returns the channels of a picture. */
  int pictureChannels();

  /** Returns the height and width of the model's pictures; empty if it names none. */
  List<Integer> pictureSize();

  /**
   * Returns the conditions that {@code options} ask for, in the current scope.
   *
   * @throws SfumatoException if the model does not have such conditions
   */
  Conditioning conditioning(SamplingOptions options);

  /** Moves all weights to {@code device}. */
  void to(Device device);

  /**
   * Sets the arithmetic of this pipeline from now on; the default is fp32.
   *
   * @throws InvalidOptionException if the model draws texts and was loaded in another, half
   *     precision
   */
  void precision(Precision precision);

  /** Returns the arithmetic of this pipeline. */
  Precision precision();

  /**
   * Switches gradient checkpointing, which guides need for large pictures: layers keep only their
   * inputs for the gradient and compute the rest again. It saves memory, costs time, and changes
   * pictures by rounding only. The default is off.
   */
  void checkpointing(boolean on);

  /**
   * Writes everything into {@code directory}, each file whole or not at all.
   *
   * @throws SfumatoException naming the file that cannot be written
   */
  default void save(Path directory) {
    save(directory, DType.FLOAT32);
  }

  /**
   * Writes everything into a directory or, if the name of {@code target} ends in {@code
   * .safetensors}, into one file in the original layout of Stable Diffusion.
   *
   * @param floats the type of the weights: float32, float16 or bfloat16
   * @throws SfumatoException naming the file that cannot be written
   */
  void save(Path target, DType floats);

  /** Frees all weights. */
  @Override
  void close();

  /**
   * Returns {@code options} with all open settings decided, as in {@link #sample}.
   *
   * @throws SfumatoException if the model does not decide a setting either
   */
  default SamplingOptions completed(SamplingOptions options) {
    return options.completed(scheduler(), pictureSize());
  }

  /**
   * Draws pictures. One generator, seeded with the options' seed, draws the noise of all pictures
   * in one call and then, step by step, the numbers for guides and the scheduler. An autoencoder
   * that encodes a picture draws from it, too: the picture's noise first, then that of all
   * pictures, then that of a masked picture.
   *
   * <p>An interrupted thread stops before its next step with a {@link
   * java.util.concurrent.CancellationException}. However a sampling ends, its tensors are freed.
   *
   * @return (count, C, H, W) around [-1, 1], not clamped, in the current scope
   * @throws SfumatoException if the options do not fit the model
   * @throws InvalidOptionException in fp16 on the CPU
   */
  Tensor sample(SamplingOptions options, Sampler.Listener listener);

  /** Draws pictures as images of 8 bits: {@link #sample} without a listener. */
  default List<BufferedImage> draw(SamplingOptions options) {
    return draw(options, Sampler.Listener.NONE);
  }

  /** Draws pictures as images of 8 bits: {@link #sample}. */
  default List<BufferedImage> draw(SamplingOptions options, Sampler.Listener listener) {
    try (Scope scope = Scope.open()) {
      Tensor images = sample(options, listener);
      return IntStream.range(0, (int) images.size(0))
          .mapToObj(i -> Pictures.plain(images.narrow(0, i, 1)))
          .toList();
    }
  }
}
