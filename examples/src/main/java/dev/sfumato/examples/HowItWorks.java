package dev.sfumato.examples;

import dev.sfumato.SfumatoException;
import dev.sfumato.model.Condition;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.scheduler.NoiseSchedule;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Noises, draws, steers and learns, with every loop written out: HowItWorks MODEL. */
public final class HowItWorks {
  private static final int STEPS = 50;
  private static final int COLUMNS = 10;

  private final DiffusionPipeline model;

  /** The alphaCumprod of each timestep. It falls from nearly 1 to nearly 0. */
  private final float[] alphas;

  private HowItWorks(DiffusionPipeline model) {
    this.model = model;
    alphas = NoiseSchedule.of(model.scheduler()).alphasCumprod();
  }

  /** Takes a model of colour pictures that predicts noise; writes three PNG files. */
  public static void main(String[] args) {
    try (DiffusionPipeline model = DiffusionPipeline.load(args[0]);
        Rng random = new Rng(7);
        Scope scope = Scope.open()) {
      if (model.scheduler().predictionType() != PredictionType.EPSILON) {
        throw new SfumatoException(args[0] + " does not predict noise: take models/cartoons");
      }
      HowItWorks loops = new HowItWorks(model);
      int side = model.pictureSize().get(0);
      Tensor noise = random.normal(1, 3, side, side);
      Tensor green = Tensor.of(new float[] {-0.8f, 0.8f, -0.8f}, 1, 3, 1, 1);
      Tensor face = loops.draw(noise, Optional.empty(), "drawn.png");
      loops.draw(noise, Optional.of(x0 -> x0.sub(green).abs().mean().mul(8)), "steered.png");
      loops.showNoise(face, random.normal(1, 3, side, side), "noised.png");
      loops.learn(face, random);
    }
  }

  // ---- noise

  /** Mixes a picture with noise: x = sqrt(alpha_t) x_0 + sqrt(1 - alpha_t) noise. */
  private Tensor noised(Tensor x0, Tensor noise, int t) {
    return x0.mul(Math.sqrt(alpha(t))).add(noise.mul(Math.sqrt(1 - alpha(t))));
  }

  /** Takes noise out of a picture: the same equation, solved for x_0. */
  private Tensor clean(Tensor x, Tensor noise, int t) {
    return x.sub(noise.mul(Math.sqrt(1 - alpha(t)))).div(Math.sqrt(alpha(t)));
  }

  private double alpha(int t) {
    return t < 0 ? 1 : alphas[t];
  }

  /** Asks the network which noise is in x, a picture (1, 3, H, W) at timestep t. */
  private Tensor predictNoise(Tensor x, int t) {
    return model.denoiser().forward(x, Tensor.of(new long[] {t}, 1), Condition.NONE);
  }

  /** Shows a picture with more and more noise, and what the network sees in it. */
  private void showNoise(Tensor picture, Tensor noise, String file) {
    List<Tensor> noisy = new ArrayList<>();
    List<Tensor> predicted = new ArrayList<>();
    for (int t = 0; t < alphas.length; t += alphas.length / COLUMNS) {
      Tensor x = noised(picture, noise, t);
      noisy.add(x);
      predicted.add(clean(x, predictNoise(x, t), t));
    }
    show(noisy, predicted, file);
  }

  /** Writes two rows of pictures. */
  private static void show(List<Tensor> upper, List<Tensor> lower, String file) {
    List<Tensor> all = new ArrayList<>(upper);
    all.addAll(lower);
    Png.write(Path.of(file), Pictures.grid(Tensor.cat(all, 0), 2));
  }

  // ---- drawing

  /** Makes a picture of noise, step by step (DDIM); the gradient of a loss, if any, moves it. */
  private Tensor draw(Tensor noise, Optional<UnaryOperator<Tensor>> loss, String file) {
    List<Tensor> noisy = new ArrayList<>();
    List<Tensor> predicted = new ArrayList<>();
    int stride = alphas.length / STEPS;
    Tensor x = noise;
    for (int step = 0; step < STEPS; step++) {
      int t = alphas.length - 1 - step * stride;
      try (Scope scope = Scope.open()) { // frees the tensors of this step
        x.requiresGrad(loss.isPresent());
        Tensor eps = predictNoise(x, t);
        Tensor moved = x;
        if (loss.isPresent()) {
          moved = x.sub(Autograd.gradient(loss.get().apply(clean(x, eps, t)), x));
        }
        Tensor x0 = scope.keep(clean(moved, eps, t).clamp(-1, 1).detach());
        if (step % (STEPS / COLUMNS) == COLUMNS / 2 - 1) {
          noisy.add(x);
          predicted.add(x0);
        }
        x = scope.keep(noised(x0, eps.detach(), t - stride)); // with a little less noise
      }
    }
    show(noisy, predicted, file);
    return x;
  }

  // ---- learning

  /** Takes ten steps down the gradient of the loss, which compares predicted and true noise. */
  private void learn(Tensor picture, Rng random) {
    List<Tensor> weights = model.network().trainable();
    for (int step = 1; step <= 10; step++) {
      try (Scope scope = Scope.open()) {
        int t = (int) random.integers(0, alphas.length, 1).item();
        Tensor noise = random.normal(picture.shape());
        Tensor loss = predictNoise(noised(picture, noise, t), t).sub(noise).square().mean();
        List<Tensor> gradients = Autograd.gradients(loss, weights);
        try (Autograd.Recording off = Autograd.off()) {
          for (int i = 0; i < weights.size(); i++) {
            weights.get(i).add_(gradients.get(i), -1e-3);
          }
        }
        System.out.printf(Locale.ROOT, "step %d: timestep %d, loss %.4f%n", step, t, loss.item());
      }
    }
  }
}
