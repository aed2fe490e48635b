package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A guide that looks at several clean pictures in the neighbourhood of the predicted one (LGD-MC,
 * Song et al. 2023, eq. 8; the implicit dynamics of TFG, Ye et al. 2024):
 *
 * <pre>-log mean_i exp(-loss(predictedX0 + gamma r_t z_i)),   z_i ~ N(0, 1)</pre>
 *
 * with r_t = sigma / sqrt(1 + sigma^2) = sqrt(1 - alphaCumprod).
 *
 * @param guide the guide whose loss is smoothed
 * @param samples the number of pictures
 * @param gamma the distance of these pictures; 1 in LGD-MC
 */
public record SmoothedGuide(Guide guide, int samples, double gamma) implements Guide {
  /**
   * @throws SfumatoException if a number is out of range
   */
  public SmoothedGuide {
    if (samples < 1 || !(gamma >= 0 && gamma < Double.POSITIVE_INFINITY)) {
      throw new SfumatoException("smoothing needs at least 1 sample and a gamma of at least 0");
    }
  }

  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    double deviation = gamma * Math.sqrt(1 - at.alphaCumprod());
    List<Tensor> losses = new ArrayList<>();
    for (int i = 0; i < samples; i++) {
      Tensor noise = at.random().normal(predictedX0.shape()).to(predictedX0.device());
      losses.add(guide.loss(predictedX0.add(noise.mul(deviation)), at.anew()).neg());
    }
    return Tensor.stack(losses, 0).logSumExp().neg().add(Math.log(samples));
  }
}
