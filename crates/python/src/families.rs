//! `quip._native.ising.Families`: bindings of `quip_ising::families`.
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use quip_ising::families::{DistanceRule, Families};
use quip_ising::lanes::Path;

use crate::ising::{cancelled, refused, CancelFlag, PyModel, PySamples, PySchedule};

/// Good, far-apart configurations of one instance, refined together.
#[pyclass(name = "Families", module = "quip._native.ising")]
pub(crate) struct PyFamilies {
    inner: Families,
}

#[pymethods]
impl PyFamilies {
    #[new]
    #[pyo3(signature = (model, min_distance, fold, seed, path=None))]
    fn new(
        model: &PyModel,
        min_distance: usize,
        fold: bool,
        seed: u64,
        path: Option<&str>,
    ) -> PyResult<Self> {
        let path = Path::named(path).map_err(refused)?;
        let least = min_distance;
        let rule = DistanceRule { least, fold };
        let inner = Families::new(&model.inner, rule, seed, path).map_err(refused)?;
        Ok(PyFamilies { inner })
    }

    fn load(&mut self, samples: &PySamples) -> PyResult<()> {
        self.inner.load(&samples.run).map_err(refused)
    }

    #[pyo3(signature = (configurations, cancel=None))]
    fn load_packed(
        &mut self,
        py: Python<'_>,
        configurations: Vec<Vec<u8>>,
        cancel: Option<Py<CancelFlag>>,
    ) -> PyResult<bool> {
        let flag = cancelled(py, cancel);
        let raised = &flag.get().raised;
        py.detach(|| self.inner.load_packed(&configurations, raised))
            .map_err(refused)
    }

    #[pyo3(signature = (keep, most, slack, cancel=None))]
    fn recruit(
        &mut self,
        py: Python<'_>,
        keep: usize,
        most: usize,
        slack: usize,
        cancel: Option<Py<CancelFlag>>,
    ) -> PyResult<Option<usize>> {
        let flag = cancelled(py, cancel);
        let raised = &flag.get().raised;
        py.detach(|| self.inner.recruit(keep, most, slack, raised))
            .map_err(refused)
    }

    #[pyo3(signature = (noise, parents=0, cancel=None))]
    fn spread(
        &mut self,
        py: Python<'_>,
        noise: u8,
        parents: usize,
        cancel: Option<Py<CancelFlag>>,
    ) -> PyResult<bool> {
        let flag = cancelled(py, cancel);
        let raised = &flag.get().raised;
        py.detach(|| self.inner.spread(parents, noise, raised))
            .map_err(refused)
    }

    #[pyo3(signature = (schedule, cancel=None))]
    fn anneal(
        &mut self,
        py: Python<'_>,
        schedule: &PySchedule,
        cancel: Option<Py<CancelFlag>>,
    ) -> bool {
        let flag = cancelled(py, cancel);
        let raised = &flag.get().raised;
        py.detach(|| self.inner.anneal(&schedule.inner, raised))
    }

    #[pyo3(signature = (near, cancel=None))]
    fn cross(
        &mut self,
        py: Python<'_>,
        near: usize,
        cancel: Option<Py<CancelFlag>>,
    ) -> PyResult<bool> {
        let flag = cancelled(py, cancel);
        let raised = &flag.get().raised;
        py.detach(|| self.inner.cross(near, raised))
            .map_err(refused)
    }

    #[getter]
    fn energies(&self) -> Vec<i32> {
        self.inner.elite_energies()
    }

    #[pyo3(signature = (fold=false))]
    fn elites<'py>(&self, py: Python<'py>, fold: bool) -> Vec<(i32, Bound<'py, PyBytes>)> {
        let elites = self.inner.elites(fold).into_iter();
        elites.map(|(e, row)| (e, PyBytes::new(py, &row))).collect()
    }

    #[pyo3(signature = (fold=false))]
    fn replicas<'py>(&self, py: Python<'py>, fold: bool) -> Vec<Bound<'py, PyBytes>> {
        let replicas = self.inner.replicas(fold).into_iter();
        replicas.map(|row| PyBytes::new(py, &row)).collect()
    }
}
