package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batches;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Tensor;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Checks that processes which train together agree. All processes make each call, and it fails in
 * all of them.
 *
 * @param processes the processes that train together
 */
record Agreement(ProcessGroup processes) {
  /**
   * Requires the same options and data; the number of threads that read pictures may differ.
   *
   * @throws SfumatoException if they differ
   */
  void onCall(Batches batches, TrainingOptions options, TrainingLoss loss) {
    processes.requireSame(
        batches.options()
            + ", "
            + batches.dataset().size()
            + " pictures, "
            + batches.perEpoch()
            + " batches, "
            + options.settings() // sorted, because the order of a hash differs between processes
            + new TreeMap<>(loss.settings()),
        "the processes were not started with the same options and data");
  }

  /**
   * Requires the same weights and the same state of the run.
   *
   * @throws SfumatoException if they differ
   */
  void onState(Progress progress, Module network, Optimizer optimizer, Optional<Ema> ema) {
    if (processes.size() > 1) {
      Map<String, Tensor> averages = ema.map(Ema::shadow).orElse(Map.of());
      processes.requireSame(
          progress
              + ", weights "
              + ProcessGroup.checksum(network.parameters().values())
              + ", beside them "
              + ProcessGroup.checksum(network.trainedBeside().values())
              + ", optimiser "
              + ProcessGroup.checksum(optimizer.state().values())
              + ", averages "
              + ProcessGroup.checksum(averages.values()),
          "the processes do not have the same weights or the same state of the run");
    }
  }
}
