package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ScopeTest {
  private long before;

  @BeforeEach
  void count() {
    before = Scope.liveTensors();
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(live()).isEqualTo(0);
  }

  private long live() {
    return Scope.liveTensors() - before;
  }

  @Test
  void freesWhatIsMadeInside() {
    Tensor made;
    try (Scope scope = Scope.open()) {
      made = Tensor.zeros(2).add(1).mul(3);
      assertThat(live()).isEqualTo(3);
    }
    assertThat(live()).isEqualTo(0);
    assertThat(made.toString()).isEqualTo("Tensor(closed)");
  }

  @Test
  void keepHandsOneTensorToTheEnclosingScope() {
    try (Scope outer = Scope.open()) {
      Tensor kept;
      try (Scope inner = Scope.open()) {
        kept = inner.keep(Tensor.full(4, 2).add(1));
      }
      assertThat(live()).isEqualTo(1);
      assertThat(kept.toFloats()).isEqualTo(new float[] {5, 5});
    }
    assertThat(live()).isEqualTo(0);
  }

  @Test
  void keepLeavesTensorsOfOtherScopesWhereTheyAre() {
    try (Scope outer = Scope.open()) {
      Tensor outers = Tensor.zeros(1);
      try (Scope inner = Scope.open()) {
        assertThat(inner.keep(outers)).isSameInstanceAs(outers);
      }
      assertThat(outers.item()).isEqualTo(0);
    }
  }

  @Test
  void whatTheOutermostScopeKeepsBelongsToNobody() {
    Tensor kept;
    try (Scope scope = Scope.open()) {
      kept = scope.keep(Tensor.full(1, 1));
    }
    assertThat(live()).isEqualTo(1);
    assertThat(kept.item()).isEqualTo(1);
    kept.close();
    kept.close();
    assertThat(live()).isEqualTo(0);
  }

  @Test
  void aLoopReplacesItsStateStepByStep() {
    try (Scope run = Scope.open()) {
      Tensor x = Tensor.zeros(1);
      for (int i = 0; i < 10; i++) {
        try (Scope step = Scope.open()) {
          x = step.replace(x, x.add(1).mul(2).div(2));
        }
        assertThat(live()).isEqualTo(1);
      }
      assertThat(x.item()).isEqualTo(10);
    }
  }

  @Test
  void replaceByItselfKeepsTheTensor() {
    try (Scope run = Scope.open()) {
      Tensor x = Tensor.full(3, 1);
      try (Scope step = Scope.open()) {
        assertThat(step.replace(x, x)).isSameInstanceAs(x);
      }
      assertThat(x.item()).isEqualTo(3);
    }
  }

  @Test
  void runKeepsOnlyTheResult() {
    try (Scope scope = Scope.open()) {
      assertThat(Scope.run(() -> Tensor.full(2, 1).mul(3).add(1)).item()).isEqualTo(7);
      assertThat(live()).isEqualTo(1);
    }
  }

  @Test
  void anExceptionFreesEverything() {
    assertThrows(
        SfumatoException.class,
        () -> {
          try (Scope outer = Scope.open()) {
            Tensor a = Tensor.zeros(2, 3);
            try (Scope inner = Scope.open()) {
              a.add(1).add(Tensor.zeros(4, 5));
            }
          }
        });
    assertThat(live()).isEqualTo(0);
  }

  @Test
  void afterAnExceptionTheEnclosingScopeIsTheCurrentOne() {
    try (Scope outer = Scope.open()) {
      assertThrows(
          IllegalStateException.class,
          () -> {
            try (Scope inner = Scope.open()) {
              throw new IllegalStateException();
            }
          });
      Tensor.zeros(1);
      assertThat(live()).isEqualTo(1);
    }
    assertThat(live()).isEqualTo(0);
  }

  @Test
  void releasedTensorsLiveUntilTheyAreClosed() {
    Tensor released;
    try (Scope scope = Scope.open()) {
      released = Scope.release(Tensor.full(6, 1));
    }
    assertThat(released.item()).isEqualTo(6);
    released.close();
  }

  @Test
  void aTensorThatIsClosedEarlyIsNotClosedAgain() {
    try (Scope scope = Scope.open()) {
      Tensor.zeros(1).close();
      assertThat(live()).isEqualTo(0);
    }
    assertThat(live()).isEqualTo(0);
  }

  @Test
  void viewsOutliveTheTensorThatTheyCameFrom() {
    try (Scope scope = Scope.open()) {
      Tensor base = Tensor.arange(6);
      Tensor view = base.narrow(0, 2, 2);
      base.close();
      assertThat(view.toLongs()).isEqualTo(new long[] {2, 3});
    }
  }

  @Test
  void eachThreadHasItsOwnScopes() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try (Scope scope = Scope.open()) {
      Tensor shared = Tensor.full(1, 8);
      List<Future<Double>> sums =
          threads.invokeAll(Collections.<Callable<Double>>nCopies(8, () -> sumInAScope(shared)));
      for (Future<Double> sum : sums) {
        assertThat(sum.get()).isEqualTo(8 + 8 * 500);
      }
      assertThat(live()).isEqualTo(1);
      assertThat(shared.toFloats()[0]).isEqualTo(1f);
    } finally {
      threads.shutdown();
    }
  }

  private static double sumInAScope(Tensor shared) {
    try (Scope outer = Scope.open()) {
      Tensor x = shared;
      for (int i = 0; i < 500; i++) {
        Tensor before = x;
        x = Scope.run(() -> before.mul(1).add(1));
      }
      return x.sum().item();
    }
  }
}
