package dev.sfumato.nn;

import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Map;
import java.util.Optional;

/**
 * A table with a row for each token, (V, d), and further rows beside it that can learn while the
 * table stays as it is (textual inversion; Gal et al., 2022).
 */
public final class EmbeddingTable extends ExtendedParameter {
  private Optional<Tensor> further = Optional.empty();
  private long first;

  /** Makes a table of this shape that wants gradients. */
  public EmbeddingTable(long rows, long width) {
    super(rows, width);
  }

  /**
   * Adds rows for the tokens from {@code first} on, which learn; earlier such rows are freed.
   *
   * @param first the number of the first token, at most V
   * @param rows (N, d) on the table's device; the table owns them from now on
   */
  public void learn(long first, Tensor rows) {
    close();
    this.first = first;
    further = Optional.of(Scope.release(rows).requiresGrad(true));
  }

  /** Frees the rows beside the table, if there are any. */
  public void forget() {
    close();
  }

  /** Returns the rows beside the table (N, d), if there are any. */
  public Optional<Tensor> further() {
    return further;
  }

  /** Returns the number of tokens that have a row. */
  public long size() {
    return further.map(rows -> first + rows.size(0)).orElse(parameter().size(0));
  }

  /**
   * Returns the rows of tokens, (..., d), in the current scope.
   *
   * @param ids (...) int64, from 0 to {@code size() - 1}, on any device
   */
  public Tensor rows(Tensor ids) {
    Device device = parameter().device();
    if (further.isEmpty()) {
      return Functional.embedding(parameter(), ids.to(device));
    }
    long[] tokens = ids.toLongs();
    long[] inTable = new long[tokens.length];
    long[] beside = new long[tokens.length];
    float[] isBeside = new float[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      inTable[i] = tokens[i] < first ? tokens[i] : 0;
      beside[i] = tokens[i] < first ? 0 : tokens[i] - first;
      isBeside[i] = tokens[i] < first ? 0 : 1;
    }
    long[] shape = ids.shape();
    Tensor mask = Tensor.of(isBeside, shape).to(device).neg().lessThan(0).unsqueeze(ids.dim());
    Tensor learned = Functional.embedding(further.get(), Tensor.of(beside, shape).to(device));
    return learned.where(
        mask, Functional.embedding(parameter(), Tensor.of(inTable, shape).to(device)));
  }

  @Override
  Map<String, Tensor> trained(String name) {
    return further
        .filter(Tensor::requiresGrad)
        .map(rows -> Map.of(name + ".further", rows))
        .orElse(Map.of());
  }

  @Override
  void to(Device device) {
    further.ifPresent(rows -> rows.share_(rows.detach().to(device)));
  }

  @Override
  void close() {
    further.ifPresent(Tensor::close);
    further = Optional.empty();
  }
}
