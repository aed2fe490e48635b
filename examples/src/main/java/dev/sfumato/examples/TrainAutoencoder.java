package dev.sfumato.examples;

import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.Posterior;
import dev.sfumato.nn.Weights;
import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.Draws;
import dev.sfumato.training.LearningRate;
import dev.sfumato.training.Optimizer;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.Trainer;
import dev.sfumato.training.TrainingLoss;
import dev.sfumato.training.TrainingOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Trains the autoencoder of a latent diffusion model: DIRECTORY STEPS DATA... */
public final class TrainAutoencoder {
  private static final int SIDE = 64;
  private static final int BATCH = 8;
  private static final double DIVERGENCE = 1e-4;

  private TrainAutoencoder() {}

  /**
   * Trains; the arguments are the directory to write, the number of steps, and data sets. It goes
   * on with the weights in the directory if there are any.
   */
  public static void main(String[] args) {
    CaptionedPictures all = CaptionedPictures.read(List.of(args).subList(2, args.length), SIDE);
    CaptionedPictures heldOut = all.heldOut(1); // one caption in twenty
    Batches batches =
        new Batches(all.training(1), BatchOptions.defaults().withBatchSize(BATCH).withFlip(true));
    TrainingOptions options =
        TrainingOptions.defaults()
            .withMaxSteps(Integer.parseInt(args[1]))
            .withOptimizer(Optimizer.Settings.adam())
            .withLearningRate(new LearningRate(LearningRate.Kind.COSINE, 1e-3, 100));
    try (AutoencoderKL network = network(Path.of(args[0]));
        Trainer trainer = new Trainer(new Reconstruction(network), batches, options)) {
      while (trainer.hasNext()) {
        StepReport step = trainer.step();
        if (step.step() % 100 == 0) {
          System.err.printf(
              Locale.ROOT,
              "step %d  loss %.4f  %.2f s%n",
              step.step(),
              step.loss(),
              step.seconds());
        }
        if (step.step() % 500 == 0 || !trainer.hasNext()) {
          System.err.printf(Locale.ROOT, "held out: %s%n", measure(network, heldOut));
          network.save(Path.of(args[0]));
        }
      }
    }
  }

  /** Returns a network that maps 64 x 64 pixels to 16 x 16 latents with 4 channels. */
  private static AutoencoderKL network(Path directory) {
    AutoencoderKL network =
        new AutoencoderKL(
            AutoencoderKLConfig.of(
                Map.of(
                    "sample_size",
                    SIDE,
                    "block_out_channels",
                    List.of(32, 32, 64),
                    "down_block_types",
                    Collections.nCopies(3, "DownEncoderBlock2D"),
                    "up_block_types",
                    Collections.nCopies(3, "UpDecoderBlock2D"),
                    "layers_per_block",
                    1,
                    "norm_num_groups",
                    8,
                    "force_upcast",
                    false)));
    try (Scope scope = Scope.open();
        Rng weights = new Rng(0)) {
      network.reset(weights);
      if (Files.exists(directory.resolve("config.json"))) {
        network.load(Weights.in(directory, ModelFiles.UNET_WEIGHTS));
      }
    }
    return network;
  }

  /** The errors of the pictures, absolute and squared, and a little of the latents' divergence. */
  private record Reconstruction(AutoencoderKL network) implements TrainingLoss {
    @Override
    public Tensor loss(Batch batch, Draws draws) {
      try (Autocast half = Autocast.open(Precision.BF16)) {
        Posterior posterior = network.encode(batch.images());
        long[] shape = posterior.mean().shape();
        Tensor latents = posterior.at(draws.normal(shape[1], shape[2], shape[3]));
        Tensor error = network.decode(latents).sub(batch.images());
        return error.abs().add(error.square()).mean().add(posterior.divergence().mul(DIVERGENCE));
      }
    }
  }

  /** Fits the scaling factor, and returns the errors of at most 256 pictures. */
  private static String measure(AutoencoderKL network, CaptionedPictures pictures) {
    int count = Math.min(256, pictures.size());
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Batch batch =
          new Batches(pictures, BatchOptions.defaults().withBatchSize(count))
              .epoch(0)
              .from(0)
              .next();
      Tensor means = network.encode(batch.images()).mean();
      network.scaleTo(means);
      Tensor error = network.decode(means).clamp(-1, 1).sub(batch.images());
      double squared = error.square().mean().item() / 4;
      return String.format(
          Locale.ROOT,
          "mean absolute error %.2f of 255, PSNR %.1f dB, scaling factor %.4f",
          error.abs().mean().item() * 127.5,
          -10 * Math.log10(squared),
          network.config().scalingFactor());
    }
  }
}
