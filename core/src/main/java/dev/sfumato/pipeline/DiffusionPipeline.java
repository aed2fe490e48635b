package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.model.Denoiser;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.picture.Pictures;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.Start;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
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
 *   List<BufferedImage> digits = pipeline.draw(SamplingOptions.defaults().withLabels(3, 7));
 * }
 * }</pre>
 *
 * <p>Any number of threads may draw from one pipeline at once and get the pictures that each would
 * get alone. {@link #to}, {@link #precision} and {@link #close} are for a time when nobody draws,
 * and training changes the weights that others would draw with.
 *
 * <p>A kind of model says how it is conditioned and what a sample is; {@link #sample} is the same
 * for all.
 */
public interface DiffusionPipeline extends AutoCloseable {
  /**
   * Loads a model by the name that people give it.
   *
   * @param directoryOrId a directory, else a Hub id, {@code org/name} or {@code org/name@revision},
   *     which is downloaded once
   * @throws SfumatoException if it is neither, or does not load
   */
  static DiffusionPipeline load(String directoryOrId) {
    return load(
        Hub.fromEnvironment().locate(directoryOrId, ModelFiles::pipeline, ProgressListener.NONE));
  }

  /**
   * Loads a model directory of the kind that its {@code model_index.json} names.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  static DiffusionPipeline load(Path directory) {
    return StableDiffusionPipeline.isIn(directory)
        ? StableDiffusionPipeline.load(directory)
        : PixelPipeline.load(directory);
  }

  /** The network. */
  Denoiser denoiser();

  /** The settings of the noise and of the scheduler. */
  SchedulerConfig scheduler();

  /** The settings of the scheduler that {@code options} ask for. */
  default SchedulerConfig scheduler(SamplingOptions options) {
    return options.scheduler(scheduler());
  }

  /** What lies between the network's samples and pictures. */
  default PictureSpace space() {
    return PictureSpace.PIXELS;
  }

  /** Channels of a picture. */
  int pictureChannels();

  /** Height and width of the pictures that the model was made for; empty if it does not say. */
  List<Integer> pictureSize();

  /**
   * What {@code options} ask the network for, in the current scope.
   *
   * @throws SfumatoException if the model cannot be asked for that
   */
  Conditioning conditioning(SamplingOptions options);

  /** Moves all weights to {@code device}. */
  void to(Device device);

  /** Says in which arithmetic this pipeline computes from now on; fp32 unless told otherwise. */
  void precision(Precision precision);

  /** The arithmetic in which this pipeline computes. */
  Precision precision();

  /**
   * Writes everything into {@code directory}, each file whole or not at all.
   *
   * @throws SfumatoException naming the file that cannot be written
   */
  void save(Path directory);

  /** Frees all weights. */
  @Override
  void close();

  /**
   * {@code options} with what is left open decided, as {@link #sample} does.
   *
   * @throws SfumatoException if the model leaves something open, too
   */
  default SamplingOptions completed(SamplingOptions options) {
    return options.completed(scheduler(), pictureSize());
  }

  /**
   * Draws pictures. One generator, seeded with the options' seed, draws the noise of all pictures
   * in one call and then, step by step, what guides and the scheduler need.
   *
   * <p>A thread that is interrupted stops before its next step with a {@link
   * java.util.concurrent.CancellationException}; whatever ends the sampling, all that it made is
   * freed.
   *
   * @return (count, C, H, W) around [-1, 1], not clamped, in the current scope
   * @throws SfumatoException if the options do not suit the model
   */
  default Tensor sample(SamplingOptions options, Sampler.Listener listener) {
    SamplingOptions complete = completed(options);
    int height = complete.height().getAsInt();
    int width = complete.width().getAsInt();
    try (Scope scope = Scope.open();
        Rng random = new Rng(complete.seed());
        LoadedSources sources = new LoadedSources(this, height, width)) {
      Conditioning conditioning = conditioning(complete);
      Guidance guidance = sources.guidance(complete);
      int scale = space().scale();
      Start start =
          complete.picture().isPresent() && complete.mask().isEmpty()
              ? Start.of(
                  space()
                      .encode(sources.start(complete.picture().get()), random)
                      .expand(complete.count(), -1, -1, -1),
                  complete.strength().orElse(1))
              : Start.noise(complete.count(), denoiser().channels(), height / scale, width / scale);
      return scope.keep(
          new Sampler(denoiser(), Scheduler.of(scheduler(complete)))
              .withSpace(space())
              .withConditioning(conditioning)
              .withGuidance(guidance)
              .withRunOptions(complete.run())
              .withBatchSize(complete.batchSize().getAsInt())
              .sample(start, complete.steps().getAsInt(), random, listener));
    }
  }

  /** Draws pictures as images of 8 bits: {@link #sample}, unwatched. */
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
