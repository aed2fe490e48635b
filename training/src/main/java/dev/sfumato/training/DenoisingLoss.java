package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.Dataset;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.Condition;
import dev.sfumato.nn.Module;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.scheduler.NoiseSchedule;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The loss of a diffusion model (Ho et al., 2020, algorithm 1): the mean squared error of the
 * noise, the clean picture or the velocity that the network predicts.
 *
 * <p>For each batch, a latent model first draws the noise of the posterior of its latents. An
 * inpainting model then draws five uniform numbers for each picture's mask, and the noise of the
 * posterior of the known part. Then the noise is drawn, of the shape of the samples, its offset and
 * its perturbation if there are, and the timesteps.
 *
 * <p>An inpainting model gets the mask of each picture as what to draw anew. Without masks, or
 * where the mask is white all over, that is a random rectangle or ellipse, or in a quarter of the
 * cases all of the picture.
 */
public final class DenoisingLoss implements TrainingLoss {
  private final DenoisingTask task;
  private final SchedulerConfig scheduler;
  private final NoiseSchedule schedule;
  private final PredictionType predictionType;
  private final Objective objective;
  private final Optional<ClassPictures> prior;

  /**
   * The loss of {@code denoiser} on pixels.
   *
   * @param scheduler the settings of the noise and the prediction type
   */
  public DenoisingLoss(
      ClassConditionedUNet denoiser, SchedulerConfig scheduler, Objective objective) {
    this(new PixelTask(denoiser), scheduler, objective, Optional.empty());
  }

  /**
   * The loss of a text-to-image model on latents and captions. What learns of its U-Net and its
   * text encoders wants gradients; the autoencoder does not change.
   *
   * @param cache the place that keeps the distributions of latents and the states of captions for
   *     the next epochs; the losses are the same. Captions are read anew if the text encoders learn
   */
  public DenoisingLoss(StableDiffusionPipeline pipeline, Objective objective, LatentCache cache) {
    this(new LatentTask(pipeline, cache), pipeline.scheduler(), objective, Optional.empty());
  }

  private DenoisingLoss(
      DenoisingTask task,
      SchedulerConfig scheduler,
      Objective objective,
      Optional<ClassPictures> prior) {
    this.task = task;
    this.scheduler = scheduler;
    schedule = NoiseSchedule.of(scheduler);
    predictionType = scheduler.predictionType();
    this.objective = objective;
    this.prior = prior;
  }

  /** Returns the same loss with that of class pictures added (DreamBooth). */
  public DenoisingLoss withPrior(ClassPictures pictures) {
    return new DenoisingLoss(task, scheduler, objective, Optional.of(pictures));
  }

  @Override
  public Module network() {
    return task.network();
  }

  /**
   * Requires pictures that suit the model: their channels, size, classes or captions. Gives the
   * network the names of the classes.
   *
   * @throws SfumatoException naming the mismatch
   */
  @Override
  public void prepare(Dataset dataset) {
    task.prepare(dataset, objective);
    prior.ifPresent(classes -> task.prepare(classes.pictures(), objective));
  }

  @Override
  public Tensor loss(Batch batch, Draws draws) {
    return prior.isEmpty()
        ? perPicture(batch, draws).mean()
        : prior.get().loss(batch, pair -> perPicture(pair, draws.twice()));
  }

  /** Returns the loss of each picture (B); of an empty batch one number. */
  private Tensor perPicture(Batch batch, Draws draws) {
    Device device = task.denoiser().device();
    Tensor samples = task.samples(batch, draws);
    Optional<Tensor> channels = task.channels(batch, draws);
    long[] shape = samples.shape();
    Tensor noise = draws.normal(shape[1], shape[2], shape[3]);
    if (objective.noiseOffset() > 0) {
      noise = noise.add(draws.normal(shape[1], 1, 1).mul(objective.noiseOffset()));
    }
    Tensor seen = noise;
    if (objective.inputPerturbation() > 0) {
      Tensor further = draws.normal(shape[1], shape[2], shape[3]);
      seen = noise.add(further.mul(objective.inputPerturbation()));
    }
    Tensor timesteps = draws.integers(schedule.length());
    boolean[] leftOut = draws.chosen(task.dropout(objective));
    if (batch.size() == 0) {
      return Tensor.zeros();
    }
    Condition told = task.condition(batch, leftOut);
    Condition condition = channels.map(told::withChannels).orElse(told);
    Tensor sent = noise.to(device);
    Tensor times = timesteps.to(device);
    Tensor noisy = schedule.addNoise(samples, seen == noise ? sent : seen.to(device), times);
    Optional<Tensor> masks = batch.masks().map(all -> shrunk(all, shape).to(device));
    return loss(samples, sent, noisy, times, condition, masks);
  }

  /** Returns masks (B, 1, ...) in the size of samples, whose pixels have the mean of theirs. */
  private static Tensor shrunk(Tensor masks, long[] samples) {
    long height = masks.size(2) / samples[2];
    long width = masks.size(3) / samples[3];
    return masks.reshape(masks.size(0), 1, samples[2], height, samples[3], width).mean(false, 3, 5);
  }

  /**
   * The loss of each picture for clean samples, their noise and noisy ones (B, C, H, W), at
   * timesteps (B).
   *
   * @param masks the weights of the samples' pixels (B, 1, H, W)
   */
  private Tensor loss(
      Tensor x0,
      Tensor noise,
      Tensor noisy,
      Tensor timesteps,
      Condition condition,
      Optional<Tensor> masks) {
    Tensor prediction = task.denoiser().forward(noisy, timesteps, condition);
    Tensor target =
        switch (predictionType) {
          case EPSILON -> noise;
          case SAMPLE -> x0;
          case V_PREDICTION -> schedule.velocity(x0, noise, timesteps);
        };
    Tensor squares = prediction.sub(target).square();
    Tensor counted = masks.map(squares::mul).orElse(squares);
    Tensor perPicture = counted.mean(false, target.dimsOfASample());
    return objective.lossWeighting() == Objective.Weighting.NONE
        ? perPicture
        : perPicture.mul(weights(timesteps));
  }

  /** Returns the weights of the timesteps (B), on their device: 1 for those of class pictures. */
  private Tensor weights(Tensor timesteps) {
    return prior.isEmpty()
        ? ofTimesteps(timesteps)
        : ClassPictures.withOnes(ofTimesteps(timesteps.narrow(0, 0, timesteps.size(0) / 2)));
  }

  private Tensor ofTimesteps(Tensor timesteps) {
    double gamma = objective.snrGamma();
    float[] weights = new float[schedule.length()];
    for (int t = 0; t < weights.length; t++) {
      double signal = schedule.alphaCumprod(t);
      double snr = signal / (1 - signal);
      weights[t] =
          (float)
              switch (predictionType) {
                case EPSILON -> Math.min(1, gamma / snr); // 1, not 0 / 0, for pure noise
                case SAMPLE -> Math.min(snr, gamma);
                case V_PREDICTION -> Math.min(snr, gamma) / (snr + 1);
              };
    }
    return Constant.on(timesteps.device(), weights, weights.length).indexSelect(0, timesteps);
  }

  /** Returns the same loss with all labels and captions kept and without the noise offset. */
  @Override
  public TrainingLoss measured() {
    Objective plain =
        objective
            .withNoiseOffset(0)
            .withInputPerturbation(0)
            .withClassDropout(0)
            .withCaptionDropout(0);
    return new DenoisingLoss(task, scheduler, plain, Optional.empty());
  }

  @Override
  public Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>(objective.settings());
    prior.ifPresent(pictures -> settings.put("prior_weight", pictures.weight()));
    return settings;
  }
}
